import { shellText } from './shell-text.ts';

/**
 * `stop`. kill-session leaves a child that ignores HUP and TERM running (measured: gemini, bash); its process group is
 * ended then, if it still is the one that was noted. What another session shows too outlives it by right. Fields of
 * /proc/PID/stat are counted behind the last `)`.
 */
export const STOP = shellText`

fleet_stop() {
  fleet_check_name "$1" 78
  fleet_part=head
  . "$fleet_spec_file"
  fleet_try=0 fleet_groups='' fleet_members='' fleet_ending=''
  while :; do
    fleet_look
    case $fleet_seen in
      none | gone) break ;;
      ours | dead | other) [ "$\{fleet_ending:-$fleet_generation}" = "$fleet_generation" ] || break ;;
    esac
    case $fleet_seen in
      other) fleet_die 1 "the session $fleet_name on the tmux socket $fleet_socket is not ours: left alone" ;;
      ours | dead)
        if [ -n "$fleet_ending" ] || fleet_note_panes; then
          fleet_ending=$fleet_generation
          fleet_kill 1
        fi
        ;;
      failed) fleet_die 1 "tmux could not be asked for $fleet_name: $\{fleet_answer:-it said nothing, as a server does that denies access}" ;;
    esac
    fleet_try=$((fleet_try + 1))
    [ "$fleet_try" -lt 50 ] || fleet_die 1 "the session $fleet_name does not end: $fleet_answer"
    sleep 0.05
  done
  fleet_wait_groups 40 || fleet_end_groups
}

# Notes the groups of the agent's pane, and of the live panes that no other session shows: of a window that is linked, or of a
# session in a group, kill-session ends nothing. False where tmux did not tell who shows which pane.
fleet_note_panes() {
  fleet_tmux list-panes -a -F 'fleet #{session_id} #{pane_id}' || return 1
  fleet_shown=' ' fleet_told='' fleet_id=$\{fleet_session%%/*}
  while read -r fleet_word fleet_s fleet_p; do
    case $fleet_word/$fleet_s in
      "fleet/$fleet_id") fleet_told=1 ;;
      fleet/*) fleet_shown="$fleet_shown$fleet_p " ;;
    esac
  done <<END
$fleet_answer
END
  [ -n "$fleet_told" ] || return 1
  for fleet_entry in $fleet_live; do
    case $fleet_shown in
      *" $\{fleet_entry%%:*} "*) [ "$\{fleet_entry%%:*}" = "$fleet_marked" ] || continue ;;
    esac
    fleet_note_groups "$\{fleet_entry##*:}"
  done
}

# PID: $fleet_pgrp, $fleet_foreground (of its terminal), $fleet_state and $fleet_born (ticks since boot).
fleet_stat() {
  fleet_pgrp='' fleet_foreground='' fleet_born='' fleet_state='' fleet_text=''
  [ -r "/proc/$1/stat" ] || return 1
  while IFS= read -r fleet_line; do fleet_text=$fleet_text$fleet_line; done 2>/dev/null <"/proc/$1/stat" || return 1
  [ -n "$fleet_text" ] || return 1
  # shellcheck disable=SC2086
  set -- $\{fleet_text##*) }
  fleet_state=$1 fleet_pgrp=$3 fleet_foreground=$6 fleet_born=$\{20}
}

# PID of a pane: its own group and its terminal's foreground group, each with the birth of its leader.
fleet_note_groups() {
  fleet_stat "$1" || return 0
  for fleet_group in "$fleet_pgrp" "$fleet_foreground"; do
    [ "$fleet_group" -gt 1 ] || continue
    fleet_stat "$fleet_group" || fleet_born=-
    case " $fleet_groups " in *" $fleet_group:$fleet_born "*) ;; *) fleet_groups="$fleet_groups $fleet_group:$fleet_born" ;; esac
  done
}

# GROUP:BIRTH: true while that group has a process. A number is not given anew while its group lives. A zombie is none, though
# kill finds it: tmux 3.3a may leave one for as long as it lives where other sessions show its pane (measured, under load).
fleet_group_lives() {
  kill -s 0 -- "-$\{1%:*}" 2>/dev/null || return 1
  fleet_stat "$\{1%:*}" || return 0
  [ "$fleet_born" = "$\{1#*:}" ] || return 1
  [ "$fleet_state" = Z ] || return 0
  fleet_others_live "$\{1%:*}"
}

# GROUP whose leader is a zombie. To look through all of /proc takes a third of a second where a thousand agents live: those
# that were found there are asked first.
fleet_others_live() {
  fleet_of=$1
  for fleet_member in $fleet_members; do
    if [ "$\{fleet_member%%:*}" = "$fleet_of" ] && fleet_in_group "$\{fleet_member##*:}"; then return 0; fi
  done
  fleet_found=''
  set +f
  set -- /proc/[0-9]*
  set -f
  for fleet_process; do
    if fleet_in_group "$\{fleet_process#/proc/}"; then fleet_found="$fleet_found $fleet_of:$\{fleet_process#/proc/}"; fi
  done
  fleet_members="$fleet_members$fleet_found"
  [ -n "$fleet_found" ]
}

# PID
fleet_in_group() {
  fleet_stat "$1" && [ "$fleet_pgrp" = "$fleet_of" ] && [ "$fleet_state" != Z ]
}

# ROUNDS of 50 ms: true once no noted group lives.
fleet_wait_groups() {
  fleet_round=0
  while :; do
    fleet_left=''
    for fleet_entry in $fleet_groups; do
      if fleet_group_lives "$fleet_entry"; then fleet_left="$fleet_left $fleet_entry"; fi
    done
    fleet_groups=$fleet_left
    [ -n "$fleet_groups" ] || return 0
    fleet_round=$((fleet_round + 1))
    [ "$fleet_round" -le "$1" ] || return 1
    sleep 0.05
  done
}

fleet_end_groups() {
  for fleet_signal in TERM KILL; do
    for fleet_entry in $fleet_groups; do
      if fleet_group_lives "$fleet_entry"; then kill -s "$fleet_signal" -- "-$\{fleet_entry%:*}" 2>/dev/null || :; fi
    done
    if fleet_wait_groups 60; then return 0; fi
  done
  fleet_die 1 "processes of $fleet_name outlive their session and SIGKILL (process groups:$fleet_groups)"
}
`;
