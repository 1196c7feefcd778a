// The VM's view of the board's clocks.  The bridge owns them and tells every change; reading costs
// no trip.  Three scales, in ms:
//   rtc    Unix time that the battery-backed clock shows (held: moves only by command)
//   ticks  monotonic, never stops: wall time since start plus all that was advanced
//   timer  what machine.Timer counts: wall time, or when held only what was advanced

export class VmClock {
  constructor() {
    this.held = false;
    this.rtcMs = 0; // held: the time itself; running: added to the wall clock
    this.advancedMs = 0;
    this.onScaleChange = () => {};
  }

  // state: {held, rtc_ms, advanced_ms} as clock.py's `for_vm` gives it.
  apply(state) {
    const before = this.timerMs();
    const switched = state.held !== this.held;
    this.held = state.held;
    this.rtcMs = state.rtc_ms;
    this.advancedMs = state.advanced_ms;
    if (switched) this.onScaleChange(this.timerMs() - before);
  }

  // The answer to one step of a held clock.
  step(rtcMs, advancedMs) {
    this.rtcMs = rtcMs;
    this.advancedMs = advancedMs;
  }

  rtcNowMs() {
    return this.held ? this.rtcMs : Date.now() + this.rtcMs;
  }

  ticksMs() {
    return performance.now() + this.advancedMs;
  }

  timerMs() {
    return this.held ? this.advancedMs : performance.now();
  }
}
