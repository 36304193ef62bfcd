import { describe, expect, test } from 'vitest'
import {
  digamma,
  incompleteBeta,
  logGamma,
  tCritical,
  trigamma,
  trigammaInverse,
  tUpperTail,
} from '../../../src/diff/statistics/distributions.ts'
import {
  falseDiscoveryAdjusted,
  falseDiscoveryLevel,
} from '../../../src/diff/statistics/false-discovery.ts'

describe("Student's t", () => {
  // Abramowitz and Stegun, Handbook of Mathematical Functions, table 26.10.
  test.each([
    [1, 6.314, 12.706, 63.657, 636.619],
    [2, 2.92, 4.303, 9.925, 31.598],
    [5, 2.015, 2.571, 4.032, 6.869],
    [10, 1.812, 2.228, 3.169, 4.587],
    [30, 1.697, 2.042, 2.75, 3.646],
    [120, 1.658, 1.98, 2.617, 3.373],
    [Number.POSITIVE_INFINITY, 1.645, 1.96, 2.576, 3.291],
  ])('with %d degrees of freedom has the values of the tables', (freedom, ...values) => {
    for (const [at, tail] of [0.05, 0.025, 0.005, 0.0005].entries()) {
      expect(tCritical(tail, freedom)).toBeCloseTo(values[at]!, at === 3 && freedom < 3 ? 1 : 2)
      expect(tUpperTail(tCritical(tail, freedom), freedom)).toBeCloseTo(tail, 10)
      expect(tCritical(1 - tail, freedom)).toBeCloseTo(-tCritical(tail, freedom), 9)
    }
  })

  test('with one degree of freedom is the Cauchy distribution', () => {
    for (const t of [-3, -0.5, 0, 0.1, 1, 7, 1000]) {
      expect(tUpperTail(t, 1)).toBeCloseTo(0.5 - Math.atan(t) / Math.PI, 12)
    }
  })

  test('keeps its digits far out, where findings are', () => {
    // With 2 degrees of freedom the tail is (1 - t / sqrt(2 + t^2)) / 2, which is 1 / (2 t^2) there.
    expect(tUpperTail(1e5, 2) / 5e-11).toBeCloseTo(1, 4)
    expect(tUpperTail(5, Number.POSITIVE_INFINITY) / 2.866516e-7).toBeCloseTo(1, 3)
  })
})

test('the incomplete beta function is what it is in closed form', () => {
  for (const x of [0, 0.01, 0.3, 0.5, 0.77, 0.999, 1]) {
    expect(incompleteBeta(x, 1, 3.5)).toBeCloseTo(1 - (1 - x) ** 3.5, 12)
    expect(incompleteBeta(x, 2.5, 1)).toBeCloseTo(x ** 2.5, 12)
  }
  expect(incompleteBeta(0.5, 7, 7)).toBeCloseTo(0.5, 13)
})

test('gamma, digamma and trigamma have the values of the tables', () => {
  // Abramowitz and Stegun, tables 6.1, 6.3 and 6.4, and closed forms.
  expect(logGamma(0.5)).toBeCloseTo(Math.log(Math.sqrt(Math.PI)), 12)
  expect(logGamma(10)).toBeCloseTo(Math.log(362_880), 11)
  expect(digamma(1)).toBeCloseTo(-0.5772156649, 10)
  expect(digamma(0.5)).toBeCloseTo(-1.963510026, 9)
  expect(digamma(1.5)).toBeCloseTo(0.036489974, 9)
  expect(digamma(10)).toBeCloseTo(2.2517525891, 9)
  expect(trigamma(1)).toBeCloseTo(Math.PI ** 2 / 6, 11)
  expect(trigamma(0.5)).toBeCloseTo(Math.PI ** 2 / 2, 11)
  expect(trigamma(1.5)).toBeCloseTo(0.9348022005, 9)
  expect(trigamma(10)).toBeCloseTo(0.1051663357, 9)
  for (const x of [0.01, 0.7, 3, 40, 1e5])
    expect(trigammaInverse(trigamma(x)) / x).toBeCloseTo(1, 8)
})

describe('false discovery', () => {
  // The example of Benjamini and Hochberg 1995, section 3.2: four are rejected at 0.05.
  const probabilities = [
    0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.324, 0.4262, 0.5719,
    0.6528, 0.759, 1,
  ]

  test('rejects what the paper rejects', () => {
    const adjusted = falseDiscoveryAdjusted(probabilities)
    expect(adjusted.filter((each) => each <= 0.05)).toHaveLength(4)
    expect(adjusted[3]).toBeCloseTo(0.0095 * (15 / 4), 12)
    expect(falseDiscoveryLevel(probabilities, 0.05)).toBeCloseTo((0.05 * 4) / 15, 12)
  })

  test('keeps the order given, and is never less than for a larger probability', () => {
    const turned = falseDiscoveryAdjusted([...probabilities].reverse()).reverse()
    expect(turned).toEqual(falseDiscoveryAdjusted(probabilities))
    for (let at = 1; at < turned.length; at++)
      expect(turned[at]!).toBeGreaterThanOrEqual(turned[at - 1]!)
    expect(falseDiscoveryAdjusted([])).toEqual([])
    expect(falseDiscoveryAdjusted([0.03])).toEqual([0.03])
  })
})
