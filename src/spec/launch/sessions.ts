import { shellText } from './shell-text.ts';

/**
 * `start` and `holder`. Measured on tmux 3.3a: the name is a usable mutex (16 parallel creations: exactly one wins); a
 * later command in the creating call leaves no moment without a mark; right after a server's end a creation may say
 * "server exited unexpectedly"; window-size must be set per window, never globally; with the user's own
 * destroy-unattached a session is gone at once, unless the creating call switches that off for it.
 */
export const SESSIONS = shellText`

fleet_start() {
  fleet_check_name "$1" 78
  fleet_part=head
  . "$fleet_spec_file"
  fleet_try=0 fleet_raced='' fleet_may_serve=$\{2:-}
  while :; do
    fleet_look
    case $fleet_seen in
      ours) return 0 ;;
      dead)
        [ "$fleet_others" -eq 0 ] ||
          fleet_die 1 "the agent $fleet_name has ended, but other panes of its session live: left alone"
        fleet_kill '#{pane_dead}'
        ;;
      other)
        # Whoever won a race marks it in the same call; only a hook of the user's own can come between.
        [ -n "$fleet_raced" ] && [ "$fleet_try" -lt 20 ] ||
          fleet_die 1 "a session named $fleet_name that is not ours is on the tmux socket $fleet_socket: left alone (its mark: '$fleet_mark'; 'fleet adopt session/$fleet_name' takes it over)"
        ;;
      none | gone)
        if [ "$fleet_seen" = gone ]; then
          fleet_refuse_second_server
          [ -n "$fleet_may_serve" ] ||
            fleet_die 1 "no tmux server on the socket $fleet_socket: 'systemctl --user start fleet-tmux.service' starts it"
        fi
        if fleet_create; then return 0; fi
        fleet_classify
        case $fleet_answer in *'duplicate session'*) fleet_raced=1 ;; esac
        [ "$fleet_seen" != failed ] || fleet_start_failed
        ;;
      failed) fleet_die 1 "tmux could not be asked for $fleet_name: $\{fleet_answer:-it said nothing, as a server does that denies access}" ;;
    esac
    fleet_try=$((fleet_try + 1))
    [ "$fleet_try" -lt 50 ] || fleet_die 1 "gave up starting $fleet_name after $fleet_try tries: $fleet_answer"
    sleep 0.1
  done
}

# A command behind the first may have failed in a session that is there and marked.
fleet_start_failed() {
  fleet_complaint=$fleet_answer
  fleet_look
  [ "$fleet_seen" = ours ] || fleet_die 1 "tmux could not start $fleet_name: $fleet_complaint"
  fleet_say "the session $fleet_name was made, but: $fleet_complaint"
  exit 0
}

fleet_create() {
  fleet_quote "$fleet_workdir"
  [ -z "$fleet_may_serve" ] || fleet_no_server=
  fleet_tmux new-session -d -P -F '#{pane_id}' -s "$fleet_name" -n "$fleet_name" \
    -x "$fleet_width" -y "$fleet_height" -c "$fleet_literal" -- /bin/sh "$0" pane "$fleet_name" ';' \
    set-option -t "=$fleet_name:" destroy-unattached off ';' \
    set-option -F -t "=$fleet_name:" @fleet_mark "$fleet_owner/$fleet_name/#{pid}/#{session_id}/#{session_created}" ';' \
    set-option -t "=$fleet_name:" @fleet_spec "$fleet_spec" ';' \
    set-option -F -t "=$fleet_name:" @fleet_pane '#{pane_id}' ';' \
    set-option -w -t "=$fleet_name:" remain-on-exit on ';' \
    set-option -w -t "=$fleet_name:" window-size manual ';' \
    resize-window -t "=$fleet_name:" -x "$fleet_width" -y "$fleet_height" ';' \
    display-message -p -t "=$fleet_name:" '#{@fleet_pane}'
  fleet_created=$?
  fleet_no_server=-N
  [ "$fleet_created" -eq 0 ] || return 1
  # A hook of the user's own may have opened another pane or window in between: then the agent's is not the current one.
  fleet_pane=$\{fleet_answer%%"$fleet_newline"*}
  [ "$fleet_answer" != "$fleet_pane$fleet_newline$fleet_pane" ] || return 0
  case $fleet_pane in %*) ;; *) return 0 ;; esac
  fleet_tmux set-option -t "=$fleet_name:" @fleet_pane "$fleet_pane" ';' \
    set-option -w -t "$fleet_pane" remain-on-exit on ';' set-option -w -t "$fleet_pane" window-size manual ';' \
    resize-window -t "$fleet_pane" -x "$fleet_width" -y "$fleet_height"
}

# A session of that name without our mark keeps its server alive just as well: it is left as it is, and that is enough.
fleet_holder() {
  fleet_owner=$1 fleet_name=$2
  shift 2
  for fleet_socket in "$@"; do
    fleet_try=0
    while :; do
      fleet_look
      case $fleet_seen in
        ours | dead) break ;;
        other)
          fleet_say "the session $fleet_name on the tmux socket $fleet_socket is not ours: left as it is"
          break
          ;;
        none | gone)
          [ "$fleet_seen" = none ] || fleet_refuse_second_server
          if fleet_hold; then break; fi
          fleet_classify
          # A hook of the user's own that fails gives its exit code to the call that made the session.
          if [ "$fleet_seen" = failed ]; then
            fleet_complaint=$fleet_answer
            fleet_look
            case $fleet_seen in
              ours) break ;;
              *) fleet_seen=failed fleet_answer=$fleet_complaint ;;
            esac
          fi
          ;;
      esac
      [ "$fleet_seen" != failed ] || fleet_die 1 "tmux could not make $fleet_name on the socket $fleet_socket: $fleet_answer"
      fleet_try=$((fleet_try + 1))
      [ "$fleet_try" -lt 50 ] || fleet_die 1 "gave up making $fleet_name after $fleet_try tries: $fleet_answer"
      sleep 0.1
    done
  done
}

fleet_hold() {
  fleet_quote "$fleet_name"
  fleet_no_server=
  fleet_tmux new-session -d -s "$fleet_literal" -n "$fleet_literal" -c / -- /bin/sh -c 'exec sleep infinity' ';' \
    set-option -t "=$fleet_name:" destroy-unattached off ';' \
    set-option -F -t "=$fleet_name:" @fleet_mark "$fleet_owner/$fleet_literal/#{pid}/#{session_id}/#{session_created}" ';' \
    set-option -w -t "=$fleet_name:" remain-on-exit on
  fleet_held=$?
  fleet_no_server=-N
  return "$fleet_held"
}
`;
