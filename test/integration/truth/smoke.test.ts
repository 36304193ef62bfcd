import { it } from 'vitest'
import { MINORS, type Minor } from '../../support/pythons.ts'
import { differences, measure, READINGS } from '../../support/truth-run.ts'

const P = (process.env.P ?? 'chains').split(',')
const V = (process.env.V?.split(',') ?? MINORS) as Minor[]
for (const m of V)
  for (const p of P)
    it(`${p} ${m}`, async () => {
      const [name, ...args] = p.split(' ')
      const t0 = Date.now()
      const r = await measure(m, {
        name: name!,
        args,
        rate: Number(process.env.R ?? 5000),
        threads: Number(process.env.T ?? 1),
      })
      console.log(m, p, 'ms', Date.now() - t0)
      for (const k of READINGS) {
        const x = r.results[k]
        console.log(
          k,
          x.samples,
          JSON.stringify(x.quality),
          JSON.stringify(x.reasons),
          'ticks',
          x.ticks,
          'unp',
          x.unprovedTicks,
          'pre',
          x.preempted,
          'chains',
          x.chains,
          'lines',
          x.lines,
          'leafl',
          x.leafLines,
          'marked',
          x.marked,
          x.examples.slice(0, 3).join('\n   '),
        )
        if (k !== 'stop')
          for (const d of [...differences(x, r.results.stop, 'self').slice(0, 4)])
            console.log(
              '   ',
              d.name,
              (100 * d.difference).toFixed(2),
              (100 * d.error).toFixed(2),
              (100 * (r.results.stop.self.get(d.name)?.mean ?? 0)).toFixed(1),
            )
      }
    }, 200_000)
