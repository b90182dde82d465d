/** Rounds that take turns, so that what else the machine does falls on all alike; medians; ratios. */

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const [low, high] = [sorted[sorted.length % 2 === 0 ? middle - 1 : middle], sorted[middle]]
  return (Number(low) + Number(high)) / 2
}

/** A figure for each contestant and round. */
export type Rounds<Name extends string> = ReadonlyMap<Name, readonly number[]>

/** Runs `measure` for each name in turn, `count` times; one more round before that warms up. */
export async function inTurn<Name extends string>(
  names: readonly Name[],
  count: number,
  measure: (name: Name) => Promise<number>,
): Promise<Rounds<Name>> {
  const rounds = new Map(names.map((name) => [name, [] as number[]]))
  for (let round = 0; round <= count; round += 1) {
    for (const name of names) {
      const figure = await measure(name)
      if (round > 0) rounds.get(name)?.push(figure)
    }
  }
  return rounds
}

/** The median of a contestant's figures. */
export function figureOf<Name extends string>(rounds: Rounds<Name>, name: Name): number {
  return median(rounds.get(name) ?? [])
}

/** How many times `name` costs what `control` costs: the median of what each round says. */
export function ratioOf<Name extends string>(
  rounds: Rounds<Name>,
  name: Name,
  control: Name,
): number {
  const figures = rounds.get(name) ?? []
  return median(figures.map((figure, round) => figure / Number(rounds.get(control)?.[round])))
}
