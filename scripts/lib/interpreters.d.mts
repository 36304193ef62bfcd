export interface Interpreter {
  executable: string
  minor: string
  version: string
  home: string
  includeDirs: string[]
  libDir: string
  lacks: string[]
}
export function probe(program: string): Interpreter | undefined
export function candidatesOn(path: string, minor: string): string[]
export function firstFit(
  programs: readonly string[],
  minor: string,
  options: { embedding: boolean; onUnfit?: (program: string, lacks: string[]) => void },
): Interpreter | undefined
