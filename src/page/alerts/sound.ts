let context: AudioContext | null = null;

/** Two rising tones for a flag, three low ones for a fault, so that they can be told apart by ear. Resolves to false while the browser blocks sound. */
export async function play(kind: 'flag' | 'fault'): Promise<boolean> {
  context ??= new AudioContext();
  if (context.state === 'suspended') await Promise.race([context.resume(), wait(200)]);
  if (context.state !== 'running') return false;
  const tones = kind === 'flag' ? [660, 880] : [220, 220, 220];
  const start = context.currentTime;
  for (const [index, frequency] of tones.entries()) {
    const tone = context.createOscillator();
    const loudness = context.createGain();
    const from = start + index * 0.22;
    tone.frequency.value = frequency;
    loudness.gain.setValueAtTime(0, from);
    loudness.gain.linearRampToValueAtTime(0.25, from + 0.02);
    loudness.gain.linearRampToValueAtTime(0, from + 0.2);
    tone.connect(loudness).connect(context.destination);
    tone.start(from);
    tone.stop(from + 0.21);
  }
  return true;
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => {
    window.setTimeout(resolve, ms);
  });
}
