import { messageOf } from '../base/errors.ts';
import { figuresOf, type FromWhatIfChild, type WhatIfQuestion } from './whatIfFigures.ts';

// The process of whatIfFigures.ts: one question after the other.
process.on('message', (question: WhatIfQuestion) => {
  process.send!(answerTo(question));
});
// Without its parent it serves nobody.
process.on('disconnect', () => process.exit());

function answerTo(question: WhatIfQuestion): FromWhatIfChild {
  try {
    return { figures: figuresOf(question) };
  } catch (error) {
    return { error: messageOf(error) };
  }
}
