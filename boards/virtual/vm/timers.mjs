// machine.Timer: periodic and one-shot soft callbacks on the clock's timer scale.

const BACKLOG_MAX = 8; // the chip's scheduler queue; what comes on top of it is lost there too

export class Timers {
  constructor(clock) {
    this.clock = clock;
    this.active = new Map(); // id -> {periodMs, repeat, dueMs}
    this.onChange = () => {};
    clock.onScaleChange = (shiftMs) => {
      for (const timer of this.active.values()) timer.dueMs += shiftMs;
      this.onChange();
    };
  }

  start(id, periodMs, repeat) {
    const period = Math.max(1, periodMs);
    this.active.set(id, { periodMs: period, repeat, dueMs: this.clock.timerMs() + period });
    this.onChange();
  }

  stop(id) {
    this.active.delete(id);
    this.onChange();
  }

  // -> ms until the next callback, Infinity when none will come by itself.
  waitMs() {
    if (this.clock.held) return Infinity;
    let due = Infinity;
    for (const timer of this.active.values()) due = Math.min(due, timer.dueMs);
    return due - this.clock.timerMs();
  }

  isDue() {
    const now = this.clock.timerMs();
    for (const timer of this.active.values()) if (timer.dueMs <= now) return true;
    return false;
  }

  // Takes what is due; -> ids, one per callback.  A held clock jumps, and a jump fires a timer
  // once; a running clock owes each period.
  takeDue() {
    const now = this.clock.timerMs();
    const ids = [];
    for (const [id, timer] of this.active) {
      if (timer.dueMs > now) continue;
      if (!timer.repeat) {
        this.active.delete(id);
        ids.push(id);
        continue;
      }
      const periods = Math.floor((now - timer.dueMs) / timer.periodMs) + 1;
      timer.dueMs += periods * timer.periodMs;
      const owed = this.clock.held ? 1 : Math.min(periods, BACKLOG_MAX);
      for (let i = 0; i < owed; i++) ids.push(id);
    }
    return ids;
  }
}
