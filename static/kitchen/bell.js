// Two soft notes for a new ticket, made on the spot: no sound file to load.

let audio = null;

/** Rings once. Browsers allow it only after somebody has touched the page. */
export function ring() {
  audio ??= new AudioContext();
  audio.resume();
  for (const [after, pitch] of [[0, 880], [0.18, 1_175]]) {
    const tone = new OscillatorNode(audio, { type: 'sine', frequency: pitch });
    const loud = new GainNode(audio, { gain: 0 });
    const at = audio.currentTime + after;
    loud.gain.setValueAtTime(0, at);
    loud.gain.linearRampToValueAtTime(0.25, at + 0.02);
    loud.gain.exponentialRampToValueAtTime(0.001, at + 0.5);
    tone.connect(loud).connect(audio.destination);
    tone.start(at);
    tone.stop(at + 0.55);
  }
}
