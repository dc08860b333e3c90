import ts from 'typescript';

/** One small fault: the text from `start` to `end` becomes `text`. */
export interface Mutant {
  start: number;
  end: number;
  text: string;
  /** `line: before -> after`, for people and for the record. */
  fault: string;
}

const SWAPPED: Readonly<Record<string, string>> = {
  '<': '<=',
  '<=': '<',
  '>': '>=',
  '>=': '>',
  '===': '!==',
  '!==': '===',
  '+': '-',
  '-': '+',
  '*': '/',
  '/': '*',
  '&&': '||',
  '||': '&&',
};

/** Every fault that can be planted in a module: changed operators and numbers, inverted booleans and conditions, `min` for `max`. Strings and types stay. */
export function mutantsOf(source: string): Mutant[] {
  const file = ts.createSourceFile('module.ts', source, ts.ScriptTarget.Latest, true);
  const mutants: Mutant[] = [];
  const plant = (node: ts.Node, text: string, before = node.getText(file)): void => {
    const start = node.getStart(file);
    const line = file.getLineAndCharacterOfPosition(start).line + 1;
    mutants.push({ start, end: node.getEnd(), text, fault: `${line}: ${before} -> ${text}` });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isTypeNode(node) || ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node)) return;
    if (ts.isImportDeclaration(node)) return;
    if (ts.isBinaryExpression(node)) {
      const operator = node.operatorToken.getText(file);
      const swapped = SWAPPED[operator];
      const joinsText = operator === '+' && [node.left, node.right].some((side) => ts.isStringLiteralLike(side));
      if (swapped !== undefined && !joinsText) plant(node.operatorToken, swapped, shortened(node.getText(file)));
    } else if (ts.isNumericLiteral(node))
      plant(node, String(otherNumber(Number(node.text))), shortened(node.parent.getText(file)));
    else if (node.kind === ts.SyntaxKind.TrueKeyword) plant(node, 'false', shortened(node.parent.getText(file)));
    else if (node.kind === ts.SyntaxKind.FalseKeyword) plant(node, 'true', shortened(node.parent.getText(file)));
    else if (ts.isIfStatement(node)) plant(node.expression, `!(${node.expression.getText(file)})`);
    else if (ts.isConditionalExpression(node)) plant(node.condition, `!(${node.condition.getText(file)})`);
    else if (ts.isPropertyAccessExpression(node) && node.expression.getText(file) === 'Math') {
      if (node.name.text === 'min') plant(node.name, 'max', shortened(node.parent.getText(file)));
      if (node.name.text === 'max') plant(node.name, 'min', shortened(node.parent.getText(file)));
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return mutants;
}

/** One more; twice as much of a large one, because a millisecond more in a minute is no fault that a test should see. */
function otherNumber(value: number): number {
  return value >= 100 ? 2 * value : value + 1;
}

function shortened(text: string): string {
  const line = text.replace(/\s+/g, ' ');
  return line.length > 60 ? `${line.slice(0, 57)}...` : line;
}
