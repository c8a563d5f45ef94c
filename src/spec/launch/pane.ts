import { shellText } from './shell-text.ts';

/**
 * `pane`: the agent's environment, directory and words, then exec. Nothing is expanded: values stand in single quotes.
 * Once they are taken over only the shell's own commands are used, since PATH may be anything by then.
 */
export const PANE = shellText`

# FILE: exports its assignments. A file is read as systemd reads one (EnvironmentFile=); what is not a variable's name
# is passed over, as there, and so is what the shell keeps for itself. awk, since the shell's own way to cut a text is
# slow beyond a few KB; its last line gets an x, to tell whether a line end stood behind it.
fleet_read_env() {
  fleet_npm=''
  fleet_exports=$(
    PATH=/usr/local/bin:/usr/bin:/bin:$\{PATH:-}
    { cat -- "$1" && printf x; } | LC_ALL=C awk "$fleet_env_awk"
  ) || fleet_die 126 "agent $fleet_name: $1 cannot be read (awk is needed)"
  eval "$fleet_exports"
}

# States: line (before a key), comment, key, blank (before a value, or behind a closing quote), value, single, double;
# with -escape: just behind a backslash.
fleet_env_awk='
function until(set) {
  if (match(text, "[" set "]")) {
    chunk = substr(text, 1, RSTART - 1)
    text = substr(text, RSTART)
  } else {
    chunk = text
    text = ""
  }
}
function quoted(value, parts, count, i, out) {
  count = split(value, parts, "\047")
  out = parts[1]
  for (i = 2; i <= count; i++) out = out "\047\\\047\047" parts[i]
  return "\047" out "\047"
}
function close_value() {
  if (state == "value") {
    sub(/[ \t]+$/, "", tail)
    value = value tail
  }
  state = "line"
  sub(/[ \t]+$/, "", key)
  if (key !~ /^[A-Za-z_][A-Za-z0-9_]*$/) return
  if (key ~ /^(fleet_.*|OPTIND|PPID|UID|EUID|SHELLOPTS|BASHOPTS|BASH_VERSINFO)$/) return
  if (key == "NPM_CONFIG_PREFIX" || key == "npm_config_prefix") print "fleet_npm=" quoted(value)
  print "export " key "=" quoted(value)
}
function ends(c) { return c == "\n" || c == "\r" }
function step(c) {
  if (state == "line") {
    if (c == "#" || c == ";") state = "comment"
    else if (c !~ /[ \t\r\n]/) { state = "key"; key = c; value = tail = "" }
  } else if (state == "key") {
    if (c == "=") state = "blank"
    else state = "line"
  } else if (state == "blank") {
    if (ends(c)) close_value()
    else if (c == "\047") state = "single"
    else if (c == "\"") state = "double"
    else if (c == "\\") state = "value-escape"
    else if (c != " " && c != "\t") { state = "value"; tail = c }
  } else if (state == "value") {
    if (ends(c)) close_value()
    else { value = value tail; tail = ""; state = "value-escape" }
  } else if (state == "value-escape") {
    if (!ends(c)) value = value c
    tail = ""; state = "value"
  } else if (state == "single") state = "blank"
  else if (state == "double") state = c == "\"" ? "blank" : "double-escape"
  else if (state == "double-escape") {
    if (c == "\"" || c == "\\" || c == "$" || c == "\140") value = value c
    else if (c != "\n") value = value "\\" c
    state = "double"
  } else if (state == "comment") state = c == "\\" ? "comment-escape" : "line"
  else state = "comment"
}
function feed() {
  while (text != "") {
    if (state == "key") { until("=\r\n"); key = key chunk }
    else if (state == "value") { until("\\\\\r\n"); tail = tail chunk }
    else if (state == "single") { until("\047"); value = value chunk }
    else if (state == "double") { until("\\\\\""); value = value chunk }
    else if (state == "comment") until("\\\\\r\n")
    if (text != "") {
      first = substr(text, 1, 1)
      text = substr(text, 2)
      step(first)
    }
  }
}
BEGIN { state = "line" }
NR > 1 { text = last "\n"; feed() }
{ last = $0 }
END {
  text = substr(last, 1, length(last) - 1)
  feed()
  if (state ~ /^(blank|value|single|double)/) close_value()
}
'

# NAME FILE: exports the file's text without the line ends at its end. The value is in no file, argument or message.
fleet_secret() {
  [ -f "$2" ] && [ -r "$2" ] || fleet_die 126 "agent $fleet_name: the file for $1 cannot be read: $2"
  fleet_value='' fleet_pending=''
  while IFS= read -r fleet_line || [ -n "$fleet_line" ]; do
    if [ -n "$fleet_line" ]; then
      fleet_value=$fleet_value$fleet_pending$fleet_line fleet_pending=''
    fi
    fleet_pending=$fleet_pending$fleet_newline
  done <"$2"
  export "$1=$fleet_value"
  fleet_value=''
}

# WORD: $fleet_found is the file that exec will run.
fleet_find() {
  fleet_found=$1
  case $1 in */*) return ;; esac
  fleet_rest=$PATH:
  while [ -n "$fleet_rest" ]; do
    fleet_found=$\{fleet_rest%%:*}
    fleet_found=$\{fleet_found:-.}/$1
    fleet_rest=$\{fleet_rest#*:}
    if [ -f "$fleet_found" ] && [ -x "$fleet_found" ]; then return; fi
  done
  fleet_die 127 "agent $fleet_name: command not found: $1 (PATH=$PATH)"
}
`;
