// Repeatable randomness: the same seed gives the same templates on every machine.
export class Random {
  #state;

  constructor(seed) {
    this.#state = seed >>> 0;
  }

  // mulberry32
  next() {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  below(count) {
    return Math.floor(this.next() * count);
  }

  between(low, high) {
    return low + this.below(high - low + 1);
  }

  chance(probability) {
    return this.next() < probability;
  }

  pick(list) {
    return list[this.below(list.length)];
  }

  times(low, high, make) {
    return Array.from({ length: this.between(low, high) }, make);
  }
}
