/** How reports are written. */
export interface ReportOptions {
  /** Most rows of a table. */
  readonly top: number
  /** Width of the terminal; nothing is cut when absent. */
  readonly columns?: number
  /** The folder that annotations name files from. */
  readonly folder: string
  /** Whether a gate that could not be decided counts as failed. */
  readonly failsInconclusive: boolean
}
