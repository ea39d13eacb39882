import { readFileSync } from 'node:fs';
import ts from 'typescript';

/** A file of the product as a syntax tree: for what it says in types and schemas and does not export. */
function parse(file: string): ts.SourceFile {
  const text = readFileSync(file, 'utf8');
  return ts.createSourceFile(file, text, ts.ScriptTarget.ES2024, true);
}

/** The members of a union of texts, such as a type of codes. @throws Error where there is no such type. */
export function codesOf(file: string, type: string): string[] {
  const codes: string[] = [];
  visit(parse(file), (node) => {
    if (!ts.isTypeAliasDeclaration(node) || node.name.text !== type) return;
    visit(node.type, (each) => {
      if (ts.isStringLiteral(each)) codes.push(each.text);
    });
  });
  if (codes.length === 0) throw new Error(`${file} holds no union ${type}`);
  return codes;
}

/** A schema of a file and its own keys, not those of schemas inside it. */
export interface SchemaKeys {
  /** Name of the constant it belongs to. */
  readonly schema: string;
  readonly keys: readonly string[];
}

/** Every `z.strictObject({…})` of a file. */
export function strictObjectsOf(file: string): SchemaKeys[] {
  const found: SchemaKeys[] = [];
  visit(parse(file), (node) => {
    if (!ts.isCallExpression(node) || !ts.isPropertyAccessExpression(node.expression)) return;
    const [shape] = node.arguments;
    if (node.expression.name.text !== 'strictObject' || shape === undefined) return;
    found.push({ schema: constantAround(node), keys: keysOf(shape) });
  });
  return found;
}

/** Keys of objects in a file that are written like environment variables. */
export function variablesOf(file: string): string[] {
  const names: string[] = [];
  visit(parse(file), (node) => {
    if (!ts.isPropertyAssignment(node) || !ts.isIdentifier(node.name)) return;
    if (/^[A-Z][A-Z0-9_]+$/.test(node.name.text)) names.push(node.name.text);
  });
  return names;
}

function constantAround(node: ts.Node): string {
  let at = node;
  while (!ts.isVariableDeclaration(at)) at = at.parent;
  return at.name.getText();
}

function keysOf(shape: ts.Expression): string[] {
  if (ts.isObjectLiteralExpression(shape)) {
    return shape.properties.flatMap((each) => each.name?.getText() ?? []);
  }
  throw new Error(`${shape.getText()} is not written out`);
}

function visit(node: ts.Node, look: (node: ts.Node) => void): void {
  look(node);
  ts.forEachChild(node, (child) => visit(child, look));
}
