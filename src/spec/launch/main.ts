import { shellText } from './shell-text.ts';

/** The command line, and the pane's way to exec: at the top level, where the rendered words become the shell's own. */
export const MAIN = shellText`

case $\{1-}:$# in
  start:2 | start:3)
    case $\{3:---server} in --server) ;; *) fleet_die 64 "unknown option: $3" ;; esac
    fleet_outside
    fleet_start "$2" "$\{3:-}"
    exit 0
    ;;
  stop:2)
    fleet_outside
    fleet_stop "$2"
    exit 0
    ;;
  holder:[0123]) fleet_die 64 'usage: launch holder OWNER SESSION SOCKET...' ;;
  holder:*)
    fleet_outside
    shift
    fleet_holder "$@"
    exit 0
    ;;
  pane:2) fleet_lead=$fleet_newline$fleet_newline ;;
  *) fleet_die 64 'usage: launch start NAME [--server] | stop NAME | holder OWNER SESSION SOCKET... | pane NAME' ;;
esac

fleet_check_name "$2" 126
fleet_part=head
. "$fleet_spec_file"
[ -f "$fleet_env_file" ] && [ -r "$fleet_env_file" ] ||
  fleet_die 126 "agent $fleet_name: there is no readable $fleet_env_file: 'fleet apply' writes it"
fleet_read_env "$fleet_env_file"
PATH=$fleet_home/.npm-global/bin:$\{fleet_npm:+$fleet_npm/bin:}$fleet_home/.local/bin:$\{PATH:-/usr/local/bin:/usr/bin:/bin}
export PATH
fleet_part=pane
set --
. "$fleet_spec_file"
[ "$#" -gt 0 ] || fleet_die 126 "agent $fleet_name: no command in $fleet_spec_file: 'fleet apply' writes it"
cd -- "$fleet_workdir" || fleet_die 126 "agent $fleet_name: its working directory cannot be entered: $fleet_workdir"
fleet_find "$1"
[ -e "$fleet_found" ] || fleet_die 127 "agent $fleet_name: command not found: $1"
[ -f "$fleet_found" ] && [ -x "$fleet_found" ] || fleet_die 126 "agent $fleet_name: not an executable file: $1"
# As interactive shells do: programs that overwrite their own arguments are told by it.
_=$fleet_found
export _
trap 'fleet_say "agent $fleet_name: cannot be executed: $fleet_found"' EXIT
case $1 in
  -*)
    shift
    exec "$fleet_found" "$@"
    ;;
esac
exec "$@"
`;
