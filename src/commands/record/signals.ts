import { isForeground } from '../../sampling/proc.ts'

type Handler = (signal: NodeJS.Signals) => void

/** Ask a program to end, politely. */
const ENDING_SIGNALS: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP']
/** A command may have its own use for Ctrl-\; pyprof must live to see it. */
const LAUNCHED_SIGNALS: readonly NodeJS.Signals[] = [...ENDING_SIGNALS, 'SIGQUIT']

/**
 * `timeout`, `npx` and a closing terminal deliver one request twice. A second signal is a second
 * request only when it comes later than this.
 */
const SAME_REQUEST_MS = 1000

/** Calls the handler instead of dying, until the returned function is called. */
function handle(signals: readonly NodeJS.Signals[], handler: Handler): () => void {
  for (const signal of signals) process.on(signal, handler)
  return () => {
    for (const signal of signals) process.off(signal, handler)
  }
}

/** An attached target: the first signal ends the recording, further ones do not stop the writing. */
export function endOnSignal(stop: Handler): () => void {
  return handle(ENDING_SIGNALS, stop)
}

/** Asks for what there is so far; whatever the target is. */
export function snapshotOnSignal(write: () => void): () => void {
  return handle(['SIGUSR1'], write)
}

export interface LaunchedPolicy {
  /** Sends a signal to the command, which decides what to do. */
  forward: Handler
  /** Writes what there is and leaves without waiting for the command. */
  leave: Handler
}

/** A launched command: the command gets the signals, the second request makes pyprof leave. */
export function passSignals(policy: LaunchedPolicy): () => void {
  return handle(LAUNCHED_SIGNALS, launchedHandler(policy))
}

export function launchedHandler(
  { forward, leave }: LaunchedPolicy,
  now: () => number = () => performance.now(),
  isInForeground: () => boolean = isForeground,
): Handler {
  let firstAt: number | undefined
  return (signal) => {
    const isFromKeyboard = signal === 'SIGINT' || signal === 'SIGQUIT'
    // The terminal has sent it to the command as well.
    if (isFromKeyboard && isInForeground()) return
    if (firstAt === undefined) {
      firstAt = now()
      forward(signal)
    } else if (now() - firstAt > SAME_REQUEST_MS) {
      leave(signal)
    }
  }
}
