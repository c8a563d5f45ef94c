import { shellText } from './shell-text.ts';

/**
 * `pane`: the agent's environment, directory and words, then exec. Only the shell's own commands are used, since PATH
 * may be anything by then. Nothing is expanded: values are read, or stand in single quotes.
 */
export const PANE = shellText`

fleet_carriage_return=$(printf '\r')
fleet_tab=$(printf '\t')

# Exports the assignment that was read: what is not a variable's name is passed over, as systemd does, and so is what
# the shell keeps for itself.
fleet_assign() {
  case $fleet_key in
    '' | [!A-Za-z_]* | *[!A-Za-z0-9_]*) return ;;
    fleet_* | OPTIND | PPID | UID | EUID | SHELLOPTS | BASHOPTS | BASH_VERSINFO) return ;;
    NPM_CONFIG_PREFIX | npm_config_prefix) fleet_npm=$fleet_value ;;
  esac
  export "$fleet_key=$fleet_value"
}

# Blanks at the beginning of $fleet_rest go.
fleet_skip_blanks() { fleet_rest=$\{fleet_rest#"$\{fleet_rest%%[! $fleet_tab]*}"}; }

# The first character of $fleet_rest goes to the end of $fleet_value.
fleet_take() {
  fleet_tail=$\{fleet_rest#?}
  fleet_value=$fleet_value$\{fleet_rest%"$fleet_tail"}
  fleet_rest=$fleet_tail
}

# Reads an env file as systemd reads one (EnvironmentFile=). $fleet_in is where the text stands: line (before a key),
# comment, blank (before a value, or behind a closing quote), value, single, double.
fleet_read_env() {
  fleet_in=line fleet_npm=''
  while :; do
    fleet_eol=$fleet_newline
    IFS= read -r fleet_rest || fleet_eol=''
    [ -n "$fleet_rest$fleet_eol" ] || break
    [ "$fleet_in" != line ] || fleet_begin_line
    if [ "$fleet_in" = comment ]; then fleet_in_comment; else fleet_in_line; fi
    [ -n "$fleet_eol" ] || break
  done <"$1"
  case $fleet_in in blank | value | single | double) fleet_assign ;; esac
}

fleet_begin_line() {
  fleet_skip_blanks
  case $fleet_rest in
    [#\;]*) fleet_in=comment ;;
    ?*=*)
      fleet_tail=$\{fleet_rest#?}
      fleet_tail=$\{fleet_tail#*=}
      fleet_key=$\{fleet_rest%"=$fleet_tail"}
      fleet_key=$\{fleet_key%"$\{fleet_key##*[! $fleet_tab]}"}
      fleet_value='' fleet_rest=$fleet_tail fleet_in=blank
      ;;
  esac
}

# A comment goes on behind a backslash at the line's end, unless that is itself escaped.
fleet_in_comment() {
  fleet_tail=$\{fleet_rest##*[!\\]}
  fleet_in=line
  [ $(($\{#fleet_tail} % 2)) -eq 0 ] || fleet_in=comment
}

# What is left of the line, state by state, until it is used up.
fleet_in_line() {
  while [ "$fleet_in" != line ]; do
    case $fleet_in in
      blank)
        fleet_skip_blanks
        case $fleet_rest in
          '' | "$fleet_carriage_return") fleet_close && return ;;
          \'*) fleet_in=single fleet_rest=$\{fleet_rest#?} ;;
          \"*) fleet_in=double fleet_rest=$\{fleet_rest#?} ;;
          *) fleet_in=value ;;
        esac
        ;;
      value) fleet_in_value && return ;;
      single)
        case $fleet_rest in
          *\'*)
            fleet_value=$fleet_value$\{fleet_rest%%\'*}
            fleet_rest=$\{fleet_rest#*\'} fleet_in=blank
            ;;
          *)
            fleet_value=$fleet_value$fleet_rest$fleet_eol
            return
            ;;
        esac
        ;;
      double) fleet_in_double && return ;;
    esac
  done
}

fleet_close() {
  fleet_assign
  fleet_in=line
}

# Both are true when the line is used up.
fleet_in_value() {
  fleet_chunk=$\{fleet_rest%%\\*}
  if [ "$fleet_chunk" = "$fleet_rest" ]; then
    # Blanks at the end go, but none that stand before an escape.
    fleet_value=$fleet_value$\{fleet_chunk%"$\{fleet_chunk##*[! $fleet_tab$fleet_carriage_return]}"}
    fleet_close
    return 0
  fi
  fleet_value=$fleet_value$fleet_chunk
  fleet_rest=$\{fleet_rest#*\\}
  case $fleet_rest in
    '') return 0 ;;
    "$fleet_carriage_return") fleet_close && return 0 ;;
    *) fleet_take ;;
  esac
  return 1
}

fleet_in_double() {
  fleet_chunk=$\{fleet_rest%%[\\\"]*}
  fleet_value=$fleet_value$fleet_chunk
  if [ "$fleet_chunk" = "$fleet_rest" ]; then
    fleet_value=$fleet_value$fleet_eol
    return 0
  fi
  fleet_rest=$\{fleet_rest#"$fleet_chunk"}
  case $fleet_rest in
    \"*) fleet_rest=$\{fleet_rest#?} fleet_in=blank ;;
    \\) return 0 ;;
    \\[\"\\\`$]*)
      fleet_rest=$\{fleet_rest#?}
      fleet_take
      ;;
    *)
      fleet_take
      fleet_take
      ;;
  esac
  return 1
}

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
