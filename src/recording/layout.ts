/**
 * The constants of a `.pyprof` file. docs/recording-format.md tells the layout byte by byte; what
 * changes there changes VERSION.
 */

/** 0x89 keeps a text tool from taking the file for text; the line feed notices a text-mode copy. */
export const MAGIC: Uint8Array = Uint8Array.of(0x89, 0x70, 0x79, 0x70, 0x72, 0x6f, 0x66, 0x0a)
export const VERSION: number = 1

/** Magic (8), version (u32), CRC-32 of these twelve bytes (u32). */
export const HEADER_BYTES: number = 16
/** Length of the payload (u32), type (u8), CRC-32 (u32). */
export const BLOCK_HEAD_BYTES: number = 9

export const BLOCK = { data: 1, end: 2 } as const

/** A block is written when its tables and samples take about so much: what a crash may cost. */
export const BLOCK_BYTES: number = 1 << 20
/** And at so many samples: what a full disk takes only a part of is lost to a reader. */
export const BLOCK_SAMPLES: number = 1 << 14
/** A longer block is damage: the longest string is far below, and a reader must bound its memory. */
export const MAX_BLOCK_BYTES: number = 1 << 26
/** Samples in a block: run lengths make a few bytes of many samples, so that needs a bound too. */
export const MAX_BLOCK_SAMPLES: number = 1 << 16
/** UTF-16 code units of a string; longer ones are cut when they are written. */
export const MAX_STRING_LENGTH: number = 1 << 20

/** Frames of a stack: twice what the sampler's walk is bounded by (native/stack/frame_walk.h). */
export const MAX_STACK_DEPTH: number = 1 << 23

/** What the next row has to say for itself; everything else is as expected. */
export const FLAG = { order: 1, stack: 2, quality: 4, state: 8, cpu: 16 } as const
/** All flags together, plus one: what the number of expected rows before is multiplied by. */
export const FLAGS: number = 32
/** A row's place: in the tick of the row before, in a new one, or in one whose weight follows. */
export const PLACE = { sameTick: 0, newTick: 1, newTickWithWeight: 2 } as const
export const PLACES: number = 3
