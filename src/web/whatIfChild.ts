import { messageOf } from '../base/errors.ts';
import { figuresOf, type FromWhatIfChild, type WhatIfQuestion } from './whatIfFigures.ts';

// The child process of whatIfFigures.ts: answers one question at a time.
process.on('message', (question: WhatIfQuestion) => {
  process.send!(answerTo(question));
});
// Ends with its parent.
process.on('disconnect', () => process.exit());

function answerTo(question: WhatIfQuestion): FromWhatIfChild {
  try {
    return { figures: figuresOf(question) };
  } catch (error) {
    return { error: messageOf(error) };
  }
}
