/** Rosters and everything that is said of them, each line `line:col: …`. */
import { describe, expect, it } from 'vitest';
import { diagnose, outdent } from './diagnose.ts';
import { schemaErrorsOfText } from './json-schema.ts';

const CASES: readonly { readonly it: string; readonly roster: string; readonly says: readonly string[] }[] = [
  {
    it: 'names the nearest right key for a misspelt one',
    roster: `
      version: 1
      agent: []
      agents: []
    `,
    says: ['2:1: unknown key: `agent` (did you mean `agents`?)'],
  },
  {
    it: 'says where a missing key belongs',
    roster: `
      agents: []
    `,
    says: ['1:1: missing key: `version`, the number 1 (write `version: 1`)'],
  },
  {
    it: 'refuses another version',
    roster: `
      version: 2
      agents: []
    `,
    says: ['1:10: bad value: version: expected the number 1, got the number 2 (write `version: 1`)'],
  },
  {
    it: 'refuses a version in quotes',
    roster: `
      version: "1"
      agents: []
    `,
    says: ['1:10: bad value: version: expected the number 1, got "1" (write `version: 1`)'],
  },
  {
    it: 'says what to write for no agents',
    roster: `
      version: 1
      agents:
    `,
    says: ['2:1: bad value: agents: expected a list of agents, got nothing (write `agents: []` where there are none)'],
  },
  {
    it: 'wants agents as a list',
    roster: `
      version: 1
      agents: { a: b }
    `,
    says: ['2:9: bad value: agents: expected a list of agents, got a mapping'],
  },
  {
    it: 'wants a mapping at the top, not a list',
    roster: `
      - a
    `,
    says: [
      '1:1: bad value: expected a mapping with `version` and `agents`, got a list (start from the sample fleet.yaml)',
    ],
  },
  {
    it: 'wants a mapping at the top, not text',
    roster: `
      hello
    `,
    says: [
      '1:1: bad value: expected a mapping with `version` and `agents`, got "hello" (start from the sample fleet.yaml)',
    ],
  },
  {
    it: 'tells of an agent that is no mapping once, and goes on',
    roster: `
      version: 1
      agents: [pi, { name: a, runtime: pi }]
    `,
    says: ['2:10: bad value: agents: expected a mapping of keys and values, got "pi"'],
  },
  {
    it: 'refuses a key in both of its spellings',
    roster: `
      version: 1
      agents: []
      tmux: { socket_name: a, socketName: b }
    `,
    says: ['3:25: the same key twice: `socketName` and `socket_name` are the same key (keep `socket_name`)'],
  },
  {
    it: 'refuses names that tmux or systemd would change, each with a free name instead',
    roster: `
      version: 1
      defaults: { runtime: pi }
      agents:
        - name: web.1
        - name: web:1
        - name: web_1
        - name: Coder0
        - name: a/b
        - name: -x
        - name: "x y"
        - name: ünï
        - name: ''
        - name: 12
    `,
    says: [
      '4:11: bad name: "web.1": tmux would call it web_1; expected a-z, 0-9, _ and -, up to 63, the first a letter or digit (rename it, for example web_1-2)',
      '5:11: bad name: "web:1": tmux would call it web_1; expected a-z, 0-9, _ and -, up to 63, the first a letter or digit (rename it, for example web_1-3)',
      '5:11: names collide: web:1 meets the agent web.1 of line 4, since tmux calls both web_1 (rename it, for example web_1-3)',
      '6:11: names collide: web_1 meets the agent web.1 of line 4, since tmux calls both web_1 (rename it, for example web_1-4)',
      '7:11: bad name: "Coder0": expected a-z, 0-9, _ and -, up to 63, the first a letter or digit (rename it, for example coder0)',
      '8:11: bad name: "a/b": systemd would escape "/"; expected a-z, 0-9, _ and -, up to 63, the first a letter or digit (rename it, for example a-b)',
      '9:11: bad name: "-x": expected a-z, 0-9, _ and -, up to 63, the first a letter or digit (rename it, for example x)',
      '10:11: bad name: "x y": systemd would escape " "; expected a-z, 0-9, _ and -, up to 63, the first a letter or digit (rename it, for example x-y)',
      '11:11: bad name: "ünï": systemd would escape "ü"; expected a-z, 0-9, _ and -, up to 63, the first a letter or digit (rename it, for example uni)',
      '12:11: bad name: "": expected a-z, 0-9, _ and -, up to 63, the first a letter or digit (rename it, for example agent)',
      '13:11: bad value: name: expected the name of an agent, got the number 12 (write it in quotes, as it should read)',
    ],
  },
  {
    it: 'refuses two agents of one name',
    roster: `
      version: 1
      defaults: { runtime: pi }
      agents:
        - name: a
        - name: b
        - name: a
    `,
    says: ['6:11: names collide: a meets the agent a of line 4 (rename it, for example a-2)'],
  },
  {
    it: 'refuses an agent named as the holder or as a viewer',
    roster: `
      version: 1
      tmux: { holder_session: keeper }
      defaults: { runtime: pi }
      agents: [{ name: keeper }, { name: a-watch-12 }]
    `,
    says: [
      "4:18: names collide: keeper is the holder's session, which is never an agent (rename it, for example keeper-2)",
      '4:36: names collide: a-watch-12 is how the session of a viewer (AGENT-watch-PID) is called (rename it, for example a-watcher)',
    ],
  },
  {
    it: 'refuses a fleet whose directory would be where the lease is',
    roster: `
      version: 1
      fleet: lease
      agents: []
    `,
    says: [
      '2:8: names collide: its directory would be where the lease of the host is: ~/.local/state/fleet/HOST/lease (choose another name)',
    ],
  },
  {
    it: 'refuses a holder session that tmux would rename',
    roster: `
      version: 1
      tmux: { holder_session: a.b }
      agents: []
    `,
    says: [
      '2:25: bad value: holder_session: expected a session name that tmux keeps as it is: A-Z, a-z, 0-9, _ and -, up to 63, the first no -, got "a.b" (rename it, for example a-b)',
    ],
  },
  {
    it: 'refuses a holder named as a viewer',
    roster: `
      version: 1
      tmux: { holder_session: a-watch-1 }
      agents: []
    `,
    says: [
      '2:25: names collide: a-watch-1 is how the session of a viewer (AGENT-watch-PID) is called (choose another name, for example _holder)',
    ],
  },
  {
    it: 'refuses unknown runtimes, hosts, tenants and agents, hosts without regard to case',
    roster: `
      version: 1
      hosts: { w-jarvis: {} }
      tenants: { jarvis: {} }
      agents:
        - { name: a, runtime: cluade, host: w-javis, tenant: jarvs, depends_on: [b, cc] }
        - { name: b, runtime: dogfood, host: W-JARVIS, tenant: other }
        - { name: c }
    `,
    says: [
      '5:25: unknown name: runtime cluade; known are claude, codex, gemini, opencode, pi, amp, cline, copilot, auggie, qwen (did you mean claude? Otherwise give it a `command` under `runtimes: cluade:`)',
      '5:39: unknown name: host w-javis; `hosts` has w-jarvis (did you mean w-jarvis?)',
      '5:56: unknown name: tenant jarvs; `tenants` has jarvis (did you mean jarvis?)',
      '5:79: unknown name: agent "cc" in depends_on (did you mean c?)',
      '6:25: unknown name: runtime dogfood; known are claude, codex, gemini, opencode, pi, amp, cline, copilot, auggie, qwen (give it a `command` under `runtimes: dogfood:`)',
      '6:58: unknown name: tenant other; `tenants` has jarvis (add it: `tenants: { other: { user: other } }`)',
      '7:5: missing key: `runtime`, the name of what runs in the pane (add `runtime:` here or under `defaults`, for example claude, codex, gemini)',
    ],
  },
  {
    it: 'tells each circle of depends_on once',
    roster: `
      version: 1
      defaults: { runtime: pi }
      agents:
        - { name: a, depends_on: [b] }
        - { name: b, depends_on: [c] }
        - { name: c, depends_on: [a] }
        - { name: d, depends_on: [d, a] }
    `,
    says: [
      '6:29: depends_on goes round in a circle: a -> b -> c -> a (take one of them out)',
      '7:29: depends_on goes round in a circle: d -> d (an agent cannot wait for itself)',
    ],
  },
  {
    it: 'does not take a runtime with only a reset_command for one of its own',
    roster: `
      version: 1
      runtimes: { foo: { reset_command: /new } }
      agents: [{ name: a, runtime: foo }]
    `,
    says: [
      '3:30: unknown name: runtime foo is neither built in nor given a `command` or `match` (give it a `command` under `runtimes: foo:`)',
    ],
  },
  {
    it: 'refuses what a tombstone and an ephemeral agent cannot have, but lets a default give way',
    roster: `
      version: 1
      defaults: { runtime: pi, boot: true }
      agents:
        - { name: a, state: stopped, boot: true }
        - { name: b, stopped: { by: me, why: x } }
        - { name: c, state: stopped, stopped: { by: me } }
        - { name: d, lifecycle: ephemeral, boot: true }
    `,
    says: [
      '4:38: keys contradict each other: `boot: true`, but `state: stopped` implies `boot: false` (take `boot: true` out)',
      '5:16: keys contradict each other: `stopped` says why an agent is stopped, and this one is to run (add `state: stopped`, or take `stopped` out)',
      '7:44: keys contradict each other: `boot: true`, but an ephemeral agent never comes up at boot (take `boot: true` out)',
    ],
  },
  {
    it: 'refuses boot: true without a supervisor, as a default too',
    roster: `
      version: 1
      supervisor: none
      defaults: { runtime: pi, boot: true }
      agents: [{ name: a, boot: true }, { name: b, boot: false }]
    `,
    says: [
      '3:32: keys contradict each other: `boot: true` with `supervisor: none`: nothing would start it at boot (take it out, or use `supervisor: systemd`)',
      '4:27: keys contradict each other: `boot: true` with `supervisor: none`: nothing would start it at boot (take it out, or use `supervisor: systemd`)',
    ],
  },
  {
    it: 'refuses what the launcher of layout mosaic cannot carry, a default once',
    roster: `
      version: 1
      layout: mosaic
      defaults: { runtime: pi, window: { width: 1, height: 1 } }
      agents:
        - { name: a, env: { A: b }, window: { width: 1, height: 1 }, args: [x] }
        - { name: b, args: [x], command: [pi] }
    `,
    says: [
      '3:26: layout mosaic cannot do this: `window`: its launcher cannot carry it (leave it out, or use `layout: fleet`)',
      '5:16: layout mosaic cannot do this: `env`: its launcher cannot carry it (write them into its env file by hand (fleet keeps foreign lines), or use `layout: fleet`)',
      '5:31: layout mosaic cannot do this: `window`: its launcher cannot carry it (leave it out, or use `layout: fleet`)',
      '5:64: layout mosaic cannot do this: `args` without `command`: its launcher starts the runtime by a default that takes none (write the whole `command`, or use `layout: fleet`)',
    ],
  },
  {
    it: 'wants an argv, and says which one a shell line would be',
    roster: `
      version: 1
      agents:
        - { name: a, runtime: pi, command: pi --model x }
        - { name: b, runtime: pi, command: "cd /x && pi" }
        - { name: c, runtime: pi, command: [] }
        - { name: d, runtime: pi, command: [./run.sh] }
        - { name: e, runtime: pi, command: [sleep, 600] }
        - { name: f, runtime: pi, command: [-x] }
        - { name: g, runtime: pi, args: --x }
    `,
    says: [
      '3:38: bad value: command: expected an argv, the list of program and arguments, got "pi --model x" (write it as a list: [pi, --model, x])',
      '4:38: bad value: command: expected an argv, the list of program and arguments, got "cd /x && pi" (a shell line needs its shell: [bash, -lc, "cd /x && pi"])',
      '5:38: bad value: command: expected an argv, the list of program and arguments, got an empty list',
      '6:39: bad value: command: expected the program: a name looked up in PATH, or a path from / or ~/, got "./run.sh" (write ~/run.sh or the path from /)',
      '7:46: bad value: command: expected text as one argument, got the number 600 (write it in quotes, as it should read)',
      '8:39: bad value: command: expected the program: a name looked up in PATH, or a path from / or ~/, got "-x"',
      '9:35: bad value: args: expected an argv, the list of program and arguments, got "--x" (write it as a list: [--x])',
    ],
  },
  {
    it: 'refuses NUL and half characters anywhere',
    roster: `
      version: 1
      agents:
        - name: a
          runtime: pi
          command: [pi, "a\\0b"]
          env: { A: "x\\0", B: "\\uD800" }
    `,
    says: [
      '5:19: a character that cannot be used: NUL; no argument, variable or file name can hold it (remove the `\\0`)',
      '6:15: a character that cannot be used: NUL; no argument, variable or file name can hold it (remove the `\\0`)',
      '6:25: a character that cannot be used: half of a surrogate pair (write the character itself)',
    ],
  },
  {
    it: 'checks names and values of variables, and keeps its own for itself',
    roster: `
      version: 1
      agents:
        - name: a
          runtime: pi
          env:
            1A: x
            A-B: x
            FLEET_AGENT_NAME: x
            MOSAIC_AGENT_NAME: fine
            P: 8080
            T: { from_file: token }
            U: { form_file: ~/x }
            V:
    `,
    says: [
      '6:7: bad key: expected a variable name: A-Z, a-z, 0-9 and _, the first no digit, got "1A" (write _1A)',
      '7:7: bad key: expected a variable name: A-Z, a-z, 0-9 and _, the first no digit, got "A-B" (write A_B)',
      "8:7: a variable that fleet itself sets: FLEET_AGENT_NAME is written from the agent's own fields (take it out)",
      '10:10: bad value: P: expected text, or { from_file: PATH }, got the number 8080 (write it in quotes, as it should read)',
      '11:23: bad value: from_file: expected a file from / or ~/, got "token" (write ~/token or the path from /)',
      '12:12: unknown key: `form_file` (did you mean `from_file`?)',
      '13:7: bad value: V: expected text, or { from_file: PATH }, got nothing',
    ],
  },
  {
    it: 'refuses __proto__ as a key anywhere',
    roster: `
      version: 1
      agents:
        - { name: a, runtime: pi, env: { __proto__: x } }
      __proto__: { fleet: x }
    `,
    says: [
      '3:36: a key that cannot be one: `__proto__` means something else in JavaScript (choose another name)',
      '4:1: a key that cannot be one: `__proto__` means something else in JavaScript (choose another name)',
    ],
  },
  {
    it: 'wants durations with a unit, in bounds and in order',
    roster: `
      version: 1
      agents:
        - name: a
          runtime: pi
          heartbeat: { interval: 15, stale_after: 0 }
          restart: { backoff: 1 h, max_backoff: 2000d, window: 0s, limit: 2.5 }
        - name: b
          runtime: pi
          heartbeat: { interval: soon }
          restart: { backoff: 1h }
    `,
    says: [
      '5:28: bad value: interval: expected a duration above zero such as 15s, at most a year, got the number 15 (give the unit: 15s, 15m or 15h)',
      '5:45: bad value: stale_after: expected a whole number from 1 to 1000, got the number 0',
      '6:25: bad value: backoff: expected a duration such as 500ms, 15s, 10m or 1h, at most a year, got "1 h"',
      '6:43: bad value: max_backoff: expected a duration such as 500ms, 15s, 10m or 1h, at most a year, got "2000d"',
      '6:58: bad value: window: expected a duration above zero such as 15s, at most a year, got "0s"',
      '6:69: bad value: limit: expected a whole number from 1 to 1000, got the number 2.5',
      '9:28: bad value: interval: expected a duration above zero such as 15s, at most a year, got "soon"',
      '10:14: keys contradict each other: backoff 1h is longer than max_backoff 10m (raise `max_backoff` or lower `backoff`)',
    ],
  },
  {
    it: 'refuses ignore rules that would ignore nothing',
    roster: `
      version: 1
      agents: [{ name: a, runtime: pi }]
      ignore:
        - { target: session/b, reason: x }
        - { target: sesion/a, reason: x }
        - { target: a, path: working_directory, reason: x }
        - { target: a, reason: x, until: 2026-02-30 }
        - { target: a/b/c, reason: x }
        - { target: a, until: soon, reason: '' }
        - { target: h/t/unit/fleet-agent@a.service, reason: x, until: 2026-12-31T10:00:00Z }
        - { target: unit/fleet-agnt@a.service, reason: x }
        - { target: tmux-server/x, reason: x }
    `,
    says: [
      '4:15: an ignore rule without a subject: the roster has no session "b" (take the rule out)',
      '5:15: an ignore rule without a subject: "sesion" is no kind; expected one of session, unit, unit-file, env-file, heartbeat, linger, tmux-server (did you mean session/a?)',
      '6:24: bad value: path: expected a JSON pointer such as /working_directory, got "working_directory" (write /working_directory)',
      '7:36: bad value: until: expected a date such as 2026-12-31, or an RFC 3339 date and time, got "2026-02-30"',
      '8:15: an ignore rule without a subject: target: expected AGENT, KIND/NAME or HOST/TENANT/KIND/NAME, got "a/b/c"',
      '9:39: bad value: reason: expected text on one line, without control characters, got ""',
      '11:15: an ignore rule without a subject: the roster has no unit "fleet-agnt@a.service" (did you mean fleet-agent@a.service?)',
      '12:15: an ignore rule without a subject: the roster has no tmux-server "x" (take the rule out)',
    ],
  },
  {
    it: 'refuses two ways to one host, a way to none, and options to ssh',
    roster: `
      version: 1
      agents:
        - { name: a, runtime: pi, host: h, ssh: me@h }
        - { name: b, runtime: pi, host: H, ssh: you@h }
        - { name: c, runtime: pi, ssh: me@h }
        - { name: d, runtime: pi, host: x, ssh: -oProxyCommand=x }
    `,
    says: [
      '4:43: two definitions of one host: H is reached by you@h here and by me@h on line 3 (say it once, under `hosts`)',
      '5:29: missing key: `host`, the name of the host that this `ssh` leads to (add `host:` beside it)',
      '6:43: bad value: ssh: expected an ssh destination such as user@host, without options or blanks, got "-oProxyCommand=x"',
    ],
  },
  {
    it: 'refuses hosts that differ only in case, and another ssh than the listed one',
    roster: `
      version: 1
      hosts: { h: {}, H: { ssh: a@h } }
      agents: [{ name: a, runtime: pi, host: h, ssh: me@h }]
    `,
    says: [
      '2:17: two definitions of one host: H and h are the same host: case does not count (keep one of them)',
      '3:48: two definitions of one host: h is reached by me@h here and by nothing (this machine) on line 2 (say it once, under `hosts`)',
    ],
  },
  {
    it: 'refuses socket paths and options',
    roster: `
      version: 1
      tmux: { socket_name: }
      agents: [{ name: a, runtime: pi, socket: /tmp/x }, { name: b, runtime: pi, socket: -x }]
    `,
    says: [
      '2:9: bad value: socket_name: expected a socket name as `tmux -L` takes it: A-Z, a-z, 0-9, _ . and -, up to 64, got nothing (leave the line out for the default server)',
      '3:42: bad value: socket: expected a socket name as `tmux -L` takes it: A-Z, a-z, 0-9, _ . and -, up to 64, got "/tmp/x" (give the name that `tmux -L` takes, not a path)',
      '3:84: bad value: socket: expected a socket name as `tmux -L` takes it: A-Z, a-z, 0-9, _ . and -, up to 64, got "-x"',
    ],
  },
  {
    it: 'wants to know how a runtime of its own is recognised',
    roster: `
      version: 1
      runtimes:
        foo: { match: { exe: foo } }
        bar: { command: [bash, -lc, bar] }
        baz: { command: [npx, baz], match: {} }
        "Quux!": { command: [quux] }
      agents: [{ name: a, runtime: foo }]
    `,
    says: [
      '4:19: no way to recognise it: the command of bar starts something that its words do not name for sure (add `match: { exe: NAME }`, `{ script: NAME }` or `{ package: NAME }`: what is seen in the pane)',
      '5:31: no way to recognise it: `match` of baz is empty (add `exe`, `script` or `package`)',
      '6:3: bad key: expected a name of a-z, 0-9, . _ and -, up to 63, the first a letter or digit, got "Quux!" (rename it, for example quux)',
    ],
  },
  {
    it: 'wants directories that do not depend on where fleet stands',
    roster: `
      version: 1
      defaults: { runtime: pi }
      agents:
        - { name: a, working_directory: ~ }
        - { name: b, working_directory: src }
        - { name: c, working_directory: $HOME/src }
        - { name: d, working_directory: ~bob/src }
        - { name: e, working_directory: "~/a\\tb" }
    `,
    says: [
      '4:35: bad value: working_directory: expected a directory from / or ~/, without control characters, got nothing (a lone ~ is nothing in YAML; write "~" in quotes for the home directory)',
      '5:35: bad value: working_directory: expected a directory from / or ~/, without control characters, got "src" (write ~/src or the path from /)',
      '6:35: bad value: working_directory: expected a directory from / or ~/, without control characters, got "$HOME/src" (variables are not expanded; write ~/src)',
      '7:35: bad value: working_directory: expected a directory from / or ~/, without control characters, got "~bob/src" (only its own home can be abbreviated; write the path from /)',
      '8:35: bad value: working_directory: expected a directory from / or ~/, without control characters, got "~/a\\tb"',
    ],
  },
  {
    it: 'says true and false where YAML 1.1 said yes and no',
    roster: `
      version: 1
      agents: [{ name: a, runtime: pi, protect: yes, boot: "true" }]
    `,
    says: [
      '2:43: bad value: protect: expected true or false, got "yes" (write true)',
      '2:54: bad value: boot: expected true or false, got "true" (write true, without quotes)',
    ],
  },
  {
    it: 'names the choices and the nearest right one',
    roster: `
      version: 1
      layout: mosiac
      supervisor: systemctl
      transport: ssh
      agents: [{ name: a, runtime: pi, manage: enforced, on_change: restrt, lifecycle: 3 }]
    `,
    says: [
      '2:9: bad value: layout: expected fleet or mosaic, got "mosiac" (did you mean mosaic?)',
      '3:13: bad value: supervisor: expected systemd or none, got "systemctl" (did you mean systemd?)',
      '4:12: bad value: transport: expected tmux, got "ssh" (write `transport: tmux`, or leave it out)',
      '5:42: bad value: manage: expected enforce, warn or observe, got "enforced" (did you mean enforce?)',
      '5:63: bad value: on_change: expected defer, restart or keep, got "restrt" (did you mean restart?)',
      '5:82: bad value: lifecycle: expected core or ephemeral, got the number 3',
    ],
  },
  {
    it: 'wants a command for a runtime of its own',
    roster: `
      version: 1
      runtimes:
        foo: { match: { exe: foo } }
      agents: [{ name: a, runtime: foo }, { name: b, runtime: foo, command: [/opt/foo] }]
    `,
    says: [
      '4:30: no command: runtime foo has none and the agent gives none (add `command: [PROGRAM, …]` under `runtimes: foo:` or to the agent)',
    ],
  },
  {
    it: 'tells problems of shape and of sense together, without consequences of each other',
    roster: `
      version: 1
      flet: x
      agents:
        - name: web_1
          runtim: pi
          comand: [pi]
          depends_on: [web-2, web_2]
        - name: web_2
          runtime: pj
          boot: yes
          window: { width: 0 }
        - runtime: pi
        - name: _holder
          runtime: pi
          depends_on: [_holder]
    `,
    says: [
      '2:1: unknown key: `flet` (did you mean `fleet`?)',
      '5:5: unknown key: `runtim` (did you mean `runtime`?)',
      '6:5: unknown key: `comand` (did you mean `command`?)',
      '9:14: unknown name: runtime pj; known are claude, codex, gemini, opencode, pi, amp, cline, copilot, auggie, qwen (did you mean pi? Otherwise give it a `command` under `runtimes: pj:`)',
      '10:11: bad value: boot: expected true or false, got "yes" (write true)',
      '11:13: missing key: `height`, a whole number from 1 to 10000',
      '11:22: bad value: width: expected a whole number from 1 to 10000, got the number 0',
      '12:5: missing key: `name`, the name of an agent',
      '13:11: bad name: "_holder": expected a-z, 0-9, _ and -, up to 63, the first a letter or digit (rename it, for example holder)',
      "13:11: names collide: _holder is the holder's session, which is never an agent (rename it, for example holder)",
      '15:18: depends_on goes round in a circle: _holder -> _holder (an agent cannot wait for itself)',
    ],
  },
];

describe('a roster with problems', () => {
  it.each(CASES)('$it', ({ roster, says }) => {
    expect(diagnose(roster)).toEqual(says);
  });

  /** Wrong in itself, whatever else the roster says. An agent's runtime may also stand in `defaults`. */
  const IN_SHAPE = /^\d+:\d+: (?:unknown key|missing key(?!: `runtime`)|bad value|bad key|bad name): /;

  it.each(CASES)('$it: the JSON Schema refuses it where its shape is wrong, and only there', ({ roster, says }) => {
    const errors = schemaErrorsOfText(outdent(roster));
    if (errors === null) return;
    expect(errors.length > 0, errors.join('\n')).toBe(says.some((line) => IN_SHAPE.test(line)));
  });
});
