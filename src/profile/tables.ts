import { int32Column } from './column.ts'
import {
  type FrameIndex,
  type FrameTable,
  type FunctionIndex,
  type FunctionTable,
  NO_STACK,
  type StackIndex,
  type StackTable,
  type StringIndex,
} from './profile.ts'

/** One row of the frame table. */
export interface Frame {
  readonly function: FunctionIndex
  readonly line: number
  readonly endLine: number
  readonly column: number
  readonly endColumn: number
}

/** Strings, functions, frames and stacks of a profile, added row by row. */
export class ProfileTables {
  readonly strings: string[] = []
  readonly #qualname = int32Column()
  readonly #file = int32Column()
  readonly #firstLine = int32Column()
  readonly #function = int32Column()
  readonly #line = int32Column()
  readonly #endLine = int32Column()
  readonly #column = int32Column()
  readonly #endColumn = int32Column()
  readonly #parent = int32Column()
  readonly #frame = int32Column()
  readonly #depth = int32Column()

  get functionCount(): number {
    return this.#firstLine.length
  }

  get frameCount(): number {
    return this.#endColumn.length
  }

  get stackCount(): number {
    return this.#frame.length
  }

  addFunction(qualname: StringIndex, file: StringIndex, firstLine: number): FunctionIndex {
    this.#qualname.push(qualname)
    this.#file.push(file)
    this.#firstLine.push(firstLine)
    return this.functionCount - 1
  }

  addFrame(frame: Frame): FrameIndex {
    this.#function.push(frame.function)
    this.#line.push(frame.line)
    this.#endLine.push(frame.endLine)
    this.#column.push(frame.column)
    this.#endColumn.push(frame.endColumn)
    return this.frameCount - 1
  }

  addStack(parent: StackIndex, frame: FrameIndex): StackIndex {
    this.#depth.push(this.depthOf(parent) + 1)
    this.#parent.push(parent)
    this.#frame.push(frame)
    return this.stackCount - 1
  }

  /** Frames of a stack; 0 for NO_STACK. */
  depthOf(stack: StackIndex): number {
    return stack === NO_STACK ? 0 : this.#depth.at(stack)
  }

  view(): { functions: FunctionTable; frames: FrameTable; stacks: StackTable } {
    return {
      functions: {
        length: this.functionCount,
        qualname: this.#qualname.view(),
        file: this.#file.view(),
        firstLine: this.#firstLine.view(),
      },
      frames: {
        length: this.frameCount,
        function: this.#function.view(),
        line: this.#line.view(),
        endLine: this.#endLine.view(),
        column: this.#column.view(),
        endColumn: this.#endColumn.view(),
      },
      stacks: {
        length: this.stackCount,
        parent: this.#parent.view(),
        frame: this.#frame.view(),
      },
    }
  }
}
