import { shellText } from './shell-text.ts';

/**
 * The head of the launcher: who it is, and how it asks tmux. Every variable begins with `fleet_`, since the pane's part
 * takes over the agent's environment into the same shell. Measured on tmux 3.3a: a stopped server hangs every client
 * for ever (hence the deadline), a missing server has two texts and one exit code, and "access not allowed" exits 0.
 */
export const HEAD = shellText`
#!/bin/sh
# Written by fleet: do not edit, it is written again.
#
#   launch start NAME [--server]           makes the agent's session, or keeps the live one that fleet made;
#                                          with --server the tmux server may be started for it
#   launch stop NAME                       ends the agent's session, and what outlives it
#   launch holder OWNER SESSION SOCKET...  makes the session that keeps each tmux server alive, and the server
#   launch pane NAME                       inside the pane: becomes the agent
#
# Exit: 0 done or nothing to do, 1 failed, 64 usage, 78 no spec for that agent; in the pane 126 the agent cannot be
# started, 127 its command was not found.
set -uf

fleet_newline='
'
# Of a dead pane's screen tmux scrolls the first line away, so that a message in a pane begins further down.
fleet_lead=
fleet_say() { printf '%sfleet: %s\n' "$fleet_lead" "$*" >&2; }
fleet_die() {
  fleet_code=$1
  shift
  fleet_say "$@"
  # The kernel drops what is on its way through a terminal whose first process ends: on a busy machine nobody would see it.
  if [ "$\{fleet_part-}" = pane ]; then /bin/sleep 1 2>/dev/null; fi
  exit "$fleet_code"
}

# The home is where this file lies, never a variable that somebody else may have set.
case $0 in
  /*/.local/share/fleet/launch) fleet_home=$\{0%/.local/share/fleet/launch} ;;
  *) fleet_die 64 "run the launcher by its full path, HOME/.local/share/fleet/launch, not as '$0'" ;;
esac

# NAME CODE: $fleet_spec_file is what fleet rendered for the agent; without it the launcher exits with CODE. It is read
# with $fleet_part set to head (no environment, no words) or to pane (all of it).
fleet_check_name() {
  case $1 in
    '' | [!a-z0-9]* | *[!a-z0-9_-]*) fleet_die 64 "'$1' is not the name of an agent" ;;
  esac
  fleet_name=$1
  fleet_spec_file=$fleet_home/.config/fleet/agents/$fleet_name.argv
  [ -f "$fleet_spec_file" ] && [ -r "$fleet_spec_file" ] ||
    fleet_die "$2" "there is no readable $fleet_spec_file: 'fleet apply' writes it"
}

# For everything outside the pane. FLEET_TMUX_DEADLINE: seconds that each tmux call may take; a stopped server hangs
# its clients for ever.
fleet_outside() {
  unset TMUX TMUX_PANE
  PATH=$\{PATH:-/usr/local/bin:/usr/bin:/bin}
  export PATH
  fleet_deadline='' fleet_seconds=$\{FLEET_TMUX_DEADLINE:-10}
  if command -v timeout >/dev/null 2>&1; then fleet_deadline="timeout -k 1 $fleet_seconds"; fi
  fleet_no_server=-N
}

# TMUX-ARGUMENT...: one call; what it printed, or its complaint, is in $fleet_answer. A client hands its output over to
# its server, so that a stopped server keeps a pipe open beyond the client's end: what reads it ends at the last line.
fleet_tmux() {
  fleet_answer=$(
    {
      $fleet_deadline tmux -u $fleet_no_server -L "$fleet_socket" "$@" 2>&1
      printf '\nfleet-status %s\n' "$?"
    } | sed '/^fleet-status /q'
  )
  fleet_status=$\{fleet_answer##*fleet-status }
  fleet_answer=$\{fleet_answer%"$fleet_newline"fleet-status*}
  fleet_answer=$\{fleet_answer%"$fleet_newline"}
  [ -n "$fleet_status" ] || fleet_die 1 'sed is needed'
  [ "$fleet_status" -ne 124 ] || fleet_answer="tmux did not answer within $fleet_seconds s on the socket $fleet_socket"
  return "$fleet_status"
}

# TEXT: $fleet_literal is what tmux expands to TEXT: each '#' doubled but for those before a '[', which tmux itself
# keeps as they are; a ';' at the end escaped.
fleet_quote() {
  fleet_literal='' fleet_rest=$1
  while :; do
    case $fleet_rest in
      *'#'*)
        fleet_literal=$fleet_literal$\{fleet_rest%%'#'*}
        fleet_rest=$\{fleet_rest#"$\{fleet_rest%%'#'*}"}
        fleet_run=$\{fleet_rest%%[!'#']*}
        fleet_rest=$\{fleet_rest#"$fleet_run"}
        case $fleet_rest in '['*) ;; *) fleet_run=$(printf '%s' "$fleet_run" | sed 's/#/##/g') ;; esac
        fleet_literal=$fleet_literal$fleet_run
        ;;
      *) break ;;
    esac
  done
  fleet_literal=$fleet_literal$fleet_rest
  case $fleet_literal in *';') fleet_literal=$\{fleet_literal%?}'\;' ;; esac
}

# Looks for the session $fleet_name of $fleet_owner. $fleet_seen is one of
#   ours (its pane lives), dead (ours, its pane does not), other (not ours), none, gone (no server), again, failed
# and for a session of ours: $fleet_generation, $fleet_mark, $fleet_window and $fleet_pane, $fleet_marked (that pane where
# it is marked as the agent's), $fleet_live (" PANE:PID" of each live pane) and $fleet_others (live panes that are not the agent's).
fleet_look() {
  fleet_generation='' fleet_mark='' fleet_pane='' fleet_marked='' fleet_live='' fleet_others=0
  if ! fleet_tmux has-session -t "=$fleet_name" ';' list-panes -s -t "=$fleet_name:" -F \
    'fleet #{pid}/#{start_time}/#{session_id}/#{session_created} #{window_id} #{pane_id} #{pane_dead} #{pane_pid} @#{@fleet_pane} #{session_name} #{@fleet_mark}'; then
    fleet_classify
    return
  fi
  fleet_pane_dead='' fleet_lowest='' fleet_panes=''
  while read -r fleet_word fleet_g fleet_w fleet_p fleet_d fleet_pid fleet_agent_pane fleet_s fleet_m; do
    [ "$fleet_word" = fleet ] && [ "$fleet_s" = "$fleet_name" ] || continue
    fleet_generation=$fleet_g fleet_mark=$fleet_m
    fleet_panes="$fleet_panes $fleet_p:$fleet_d:$fleet_pid"
    if [ -z "$fleet_lowest" ] || [ "$\{fleet_p#%}" -lt "$\{fleet_lowest#%}" ]; then
      fleet_lowest=$fleet_p
      [ -n "$fleet_marked" ] || fleet_window=$fleet_w
    fi
    [ "$fleet_agent_pane" != "@$fleet_p" ] || fleet_marked=$fleet_p fleet_window=$fleet_w
  done <<END
$fleet_answer
END
  if [ -z "$fleet_generation" ]; then
    fleet_seen=failed
    return
  fi
  fleet_pane=$\{fleet_marked:-$fleet_lowest}
  for fleet_p in $fleet_panes; do
    case $fleet_p in
      "$fleet_pane":1:*) fleet_pane_dead=1 ;;
      *:1:*) ;;
      *)
        fleet_live="$fleet_live $\{fleet_p%%:*}:$\{fleet_p##*:}"
        case $fleet_p in "$fleet_pane":*) ;; *) fleet_others=$((fleet_others + 1)) ;; esac
        ;;
    esac
  done
  # The mark names its own server and session: one that is inherited, or copied, is none.
  fleet_server=$\{fleet_generation%%/*} fleet_session=$\{fleet_generation#*/*/}
  if [ "$fleet_mark" != "$fleet_owner/$fleet_name/$fleet_server/$fleet_session" ]; then
    fleet_seen=other
  elif [ -n "$fleet_pane_dead" ]; then
    fleet_seen=dead
  else
    fleet_seen=ours
  fi
}

fleet_classify() {
  case $fleet_answer in
    # The second: a server that has no session at all, as one that has just been started.
    *"can't find session"* | *'no current target'*) fleet_seen=none ;;
    *'no server running on '* | *'error connecting to '*'(No such file or directory)'* | *'error connecting to '*'(Connection refused)'*)
      fleet_seen=gone
      ;;
    *'server exited'* | *'lost server'* | *'duplicate session'*) fleet_seen=again ;;
    *) fleet_seen=failed ;;
  esac
}

# True where a live server listens on the path of $fleet_socket and the file itself is gone: a new server would be a
# second one beside it.
fleet_socket_lost() {
  fleet_directory=/tmp
  [ ! -d "$\{TMUX_TMPDIR:-/tmp}" ] || fleet_directory=$\{TMUX_TMPDIR:-/tmp}
  fleet_path=$(CDPATH='' cd -P -- "$fleet_directory" && pwd -P)/tmux-$(id -u)/$fleet_socket
  [ ! -e "$fleet_path" ] && [ -r /proc/net/unix ] || return 1
  while read -r fleet_w fleet_w fleet_w fleet_flags fleet_w fleet_w fleet_w fleet_p; do
    if [ "$fleet_flags" = 00010000 ] && [ "$fleet_p" = "$fleet_path" ]; then
      # One that came up meanwhile has made its file before it listened.
      [ ! -e "$fleet_path" ]
      return
    fi
  done </proc/net/unix
  return 1
}

fleet_refuse_second_server() {
  ! fleet_socket_lost ||
    fleet_die 1 "the tmux server of $fleet_path lives but its socket file was deleted: no second one is started; 'fleet apply' mends it, and so does 'kill -USR1' to that server"
}

# Kills the session, and only the one that was looked at: the check is made inside tmux. $1: a further condition. A pane
# alone would be looked up in whichever session shows it too.
fleet_kill() {
  fleet_tmux if-shell -F -t "=$fleet_name:$fleet_window.$fleet_pane" \
    "#{&&:#{==:#{pid}/#{start_time}/#{session_id}/#{session_created} #{@fleet_mark},$fleet_generation $fleet_mark},$1}" \
    "kill-session -t =$fleet_name"
}
`;
