import { argumentsOf, type Proc } from './proc.ts'

const SWITCH = 'disable-remote-debug'
const VARIABLE = 'PYTHON_DISABLE_REMOTE_DEBUG'

/**
 * What turned remote debugging (PEP 768) off, as far as it can be seen from outside: `-X …` among
 * the interpreter's arguments, or the variable it was started with; '' when neither is there. A
 * build without it, or a program that embeds Python, turns it off without either.
 */
export function remoteDebuggingSwitch(proc: Proc, pid: number): string {
  const { xOptions, ignoresEnvironment } = interpreterOptions(argumentsOf(proc, pid).slice(1))
  if (xOptions.some((option) => option.split('=')[0] === SWITCH)) return `-X ${SWITCH}`
  const environment = (proc.read(pid, 'environ') ?? '').split('\0')
  const isSet = environment.some((entry) => entry.startsWith(`${VARIABLE}=`))
  return isSet && !ignoresEnvironment ? VARIABLE : ''
}

/** The interpreter's own options, which end where its program begins: python3(1). */
function interpreterOptions(args: readonly string[]) {
  const xOptions: string[] = []
  let ignoresEnvironment = false
  for (let at = 0; at < args.length; at++) {
    const arg = args[at] ?? ''
    if (arg === '--check-hash-based-pycs') at++
    if (arg.startsWith('--') && arg !== '--') continue
    if (!/^-[A-Za-z]/.test(arg)) break
    const letters = arg.slice(1)
    const valued = letters.search(/[cmWX]/)
    const flags = valued < 0 ? letters : letters.slice(0, valued)
    if (/[EI]/.test(flags)) ignoresEnvironment = true
    if (valued < 0) continue
    const option = letters[valued]
    if (option === 'c' || option === 'm') break
    const value = letters.slice(valued + 1) || (args[++at] ?? '')
    if (option === 'X') xOptions.push(value)
  }
  return { xOptions, ignoresEnvironment }
}
