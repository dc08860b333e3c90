import { messageOf } from '../base/errors.ts';
import { scoreCurves } from '../thresholds/scoreCurves.ts';
import { figuresOf, type FromWhatIfChild, type ToWhatIfChild } from './whatIfFigures.ts';

// The child process of whatIfFigures.ts: answers one question at a time.
process.on('message', (question: ToWhatIfChild) => {
  process.send!(answerTo(question));
});
// Ends with its parent.
process.on('disconnect', () => process.exit());

function answerTo(question: ToWhatIfChild): FromWhatIfChild {
  try {
    return { answer: question.kind === 'curves' ? scoreCurves(question.scored) : figuresOf(question) };
  } catch (error) {
    return { error: messageOf(error) };
  }
}
