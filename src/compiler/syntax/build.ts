/** CST → AST. Only called for a CST without syntax errors, so every child that the grammar requires is there. */
import type { CstNode, IToken } from 'chevrotain';
import type * as Cst from '../../../grammar/cst.generated.ts';
import type { SourceFile } from '../diagnostics/span.ts';
import type * as ast from './ast.ts';
import { Expressions } from './build-expressions.ts';

export function buildFile(cst: CstNode, source: SourceFile): ast.FileSyntax {
  const file = cst as Cst.FileCstNode;
  const builder = new FileBuilder(source);
  return { source, declarations: (file.children.declaration ?? []).map((node) => builder.declaration(node)) };
}

class FileBuilder extends Expressions {
  declaration(node: Cst.DeclarationCstNode): ast.Declaration {
    const c = node.children;
    const doc = this.doc(c.DocComment);
    if (c.importDeclaration) return this.importDeclaration(c.importDeclaration[0]!, doc);
    if (c.flagDeclaration) return this.flag(c.flagDeclaration[0]!, doc);
    if (c.configDeclaration) return this.config(c.configDeclaration[0]!, doc);
    if (c.functionDeclaration) return this.functionDeclaration(c.functionDeclaration[0]!, doc);
    if (c.moduleDeclaration) return this.module('module', c.moduleDeclaration[0]!, doc);
    if (c.modelDeclaration) return this.module('model', c.modelDeclaration[0]!, doc);
    if (c.adapterDeclaration) return this.module('adapter', c.adapterDeclaration[0]!, doc);
    if (c.adaptDeclaration) return this.adapt(c.adaptDeclaration[0]!, doc);
    if (c.quantiseDeclaration) return this.quantise(c.quantiseDeclaration[0]!, doc);
    if (c.recipeDeclaration) return this.recipe(c.recipeDeclaration[0]!, doc);
    if (c.layoutDeclaration) return this.layout(c.layoutDeclaration[0]!, doc);
    return this.stage(c.stageDeclaration![0]!, doc);
  }

  private importDeclaration(node: Cst.ImportDeclarationCstNode, doc: string): ast.ImportDeclaration {
    const names = (node.children.importName ?? []).map((item) => {
      const [name, as] = item.children.Identifier;
      return { name: this.name(name!), as: this.name(as ?? name!) };
    });
    return { kind: 'import', names, from: this.string(node.children.StringLiteral[0]!), doc, span: this.span(node) };
  }

  private flag(node: Cst.FlagDeclarationCstNode, doc: string): ast.FlagDeclaration {
    const name = this.name(node.children.Identifier[0]!);
    return { kind: 'flag', name, value: node.children.Kw_true !== undefined, doc, span: this.span(node) };
  }

  private config(node: Cst.ConfigDeclarationCstNode, doc: string): ast.ConfigDeclaration {
    const [name, base] = node.children.Identifier;
    return {
      kind: 'config',
      name: this.name(name!),
      extends: base ? this.name(base) : undefined,
      fields: this.configFields(node.children.configRecord[0]!),
      doc,
      span: this.span(node),
    };
  }

  private configFields(node: Cst.ConfigRecordCstNode): ast.ConfigField[] {
    return (node.children.configField ?? []).map((field) => {
      const { expression, configRecord } = field.children;
      return {
        name: this.name(field.children.Identifier[0]!),
        value: expression
          ? this.expression(expression[0]!)
          : { kind: 'fields' as const, fields: this.configFields(configRecord![0]!) },
        doc: this.doc(field.children.DocComment),
        span: this.span(field),
      };
    });
  }

  private functionDeclaration(node: Cst.FunctionDeclarationCstNode, doc: string): ast.FunctionDeclaration {
    return {
      kind: 'function',
      name: this.name(node.children.Identifier[0]!),
      signature: this.signature(node.children.signature[0]!),
      body: this.block(node.children.block[0]!),
      backward: this.backward(node.children.backwardClause),
      doc,
      span: this.span(node),
    };
  }

  private backward(clause: Cst.BackwardClauseCstNode[] | undefined): ast.BackwardClause | undefined {
    const node = clause?.[0];
    if (!node) return undefined;
    const [upstream, ...targets] = this.names(node.children.Identifier);
    const estimator = node.children.Kw_estimator !== undefined;
    const body = this.block(node.children.block[0]!);
    return { upstream: upstream!, targets, estimator, body, span: this.span(node) };
  }

  private module(
    kind: ast.ModuleDeclaration['kind'],
    node: Cst.ModuleDeclarationCstNode | Cst.ModelDeclarationCstNode | Cst.AdapterDeclarationCstNode,
    doc: string,
  ): ast.ModuleDeclaration {
    const [name, on] = node.children.Identifier;
    const parameters = 'parameters' in node.children ? node.children.parameters : undefined;
    return {
      kind,
      name: this.name(name!),
      parameters: parameters ? this.parameters(parameters[0]!) : [],
      on: on ? this.name(on) : undefined,
      members: (node.children.moduleBody[0]!.children.member ?? []).map((member) => this.member(member)),
      doc,
      span: this.span(node),
    };
  }

  private adapt(node: Cst.AdaptDeclarationCstNode, doc: string): ast.AdaptDeclaration {
    const { pathPattern, Identifier, expression } = node.children;
    return {
      kind: 'adapt',
      patterns: pathPattern.map((pattern) => this.pattern(pattern)),
      adapter: this.name(Identifier[0]!),
      arguments: this.arguments(node.children.arguments[0]!),
      when: expression ? this.expression(expression[0]!) : undefined,
      doc,
      span: this.span(node),
    };
  }

  private quantise(node: Cst.QuantiseDeclarationCstNode, doc: string): ast.QuantiseDeclaration {
    const { pathPattern, Identifier, expression, arguments: given } = node.children;
    return {
      kind: 'quantise',
      patterns: pathPattern.map((pattern) => this.pattern(pattern)),
      as: this.name(Identifier[0]!),
      arguments: given ? this.arguments(given[0]!) : [],
      when: expression ? this.expression(expression[0]!) : undefined,
      doc,
      span: this.span(node),
    };
  }

  private stage(node: Cst.StageDeclarationCstNode, doc: string): ast.StageDeclaration {
    const train: ast.PathPattern[] = [];
    const noDecay: ast.PathPattern[] = [];
    const evaluated: ast.PathPattern[] = [];
    const set: { name: ast.Name; value: ast.Expression }[] = [];
    const clauses: { name: ast.Name; value: ast.Expression }[] = [];
    for (const { children: c } of node.children.stageClause ?? []) {
      if (c.pathPattern) {
        const patterns = c.pathPattern.map((pattern) => this.pattern(pattern));
        (c.Kw_no_decay ? noDecay : c.Kw_eval ? evaluated : train).push(...patterns);
      } else {
        const clause = { name: this.name(c.Identifier![0]!), value: this.expression(c.expression![0]!) };
        (c.Kw_set ? set : clauses).push(clause);
      }
    }
    return {
      kind: 'stage',
      name: this.name(node.children.Identifier[0]!),
      train,
      noDecay,
      eval: evaluated,
      set,
      clauses,
      doc,
      span: this.span(node),
    };
  }

  private recipe(node: Cst.RecipeDeclarationCstNode, doc: string): ast.RecipeDeclaration {
    const settings = (node.children.recipeSetting ?? []).map(({ children: { Identifier, expression } }) => ({
      name: this.name(Identifier[0]!),
      value: this.expression(expression[0]!),
    }));
    return {
      kind: 'recipe',
      recipe: this.string(node.children.StringLiteral[0]!),
      settings,
      doc,
      span: this.span(node),
    };
  }

  private layout(node: Cst.LayoutDeclarationCstNode, doc: string): ast.LayoutDeclaration {
    const [name, of] = node.children.Identifier;
    const rules: ast.LayoutRule[] = [];
    const clauses: ast.LayoutDeclaration['clauses'][number][] = [];
    for (const { children: c } of node.children.layoutClause ?? []) {
      if (c.layoutRule) {
        const { StringLiteral, pathPattern, expression } = c.layoutRule[0]!.children;
        rules.push({
          from: StringLiteral.map((token) => this.string(token)),
          to: this.pattern(pathPattern[0]!),
          by: expression ? this.expression(expression[0]!) : undefined,
        });
        continue;
      }
      const operands = c.layoutOperand!.map((operand) => this.layoutOperand(operand));
      clauses.push({ name: this.name(c.Identifier![0]!), operands });
    }
    const overlay = node.children.Kw_overlay !== undefined;
    const span = this.span(node);
    return { kind: 'layout', name: this.name(name!), of: this.name(of!), overlay, rules, clauses, doc, span };
  }

  private layoutOperand({ children: { pathPattern, StringLiteral } }: Cst.LayoutOperandCstNode): ast.LayoutOperand {
    if (pathPattern) return { kind: 'paths', pattern: this.pattern(pathPattern[0]!) };
    const [key, equals] = StringLiteral!.map((token) => this.string(token));
    return { kind: 'keys', key: key!, equals };
  }

  private pattern(node: Cst.PathPatternCstNode): ast.PathPattern {
    const span = this.span(node);
    return {
      text: tokensOf(node)
        .map(({ image }) => image)
        .join(''),
      span,
    };
  }

  private member(node: Cst.MemberCstNode): ast.Member {
    const c = node.children;
    const doc = this.doc(c.DocComment);
    if (c.letMember) {
      const { Identifier, expression } = c.letMember[0]!.children;
      const value = this.expression(expression[0]!);
      return { kind: 'let-member', name: this.name(Identifier[0]!), value, doc, span: this.span(c.letMember[0]!) };
    }
    if (c.paramMember) return this.param(c.paramMember[0]!, false, doc);
    if (c.bufferMember) return this.param(c.bufferMember[0]!, true, doc);
    if (c.forwardMember) {
      const { signature, block, backwardClause } = c.forwardMember[0]!.children;
      return {
        kind: 'forward',
        signature: this.signature(signature[0]!),
        body: this.block(block[0]!),
        backward: this.backward(backwardClause),
        doc,
        span: this.span(c.forwardMember[0]!),
      };
    }
    if (c.functionDeclaration) return this.functionDeclaration(c.functionDeclaration[0]!, doc);
    if (c.entryMember) return this.entry(c.entryMember[0]!, doc);
    if (c.mergeMember) {
      const { Identifier, expression } = c.mergeMember[0]!.children;
      const value = this.expression(expression[0]!);
      return { kind: 'merge', name: this.name(Identifier[0]!), value, doc, span: this.span(c.mergeMember[0]!) };
    }
    const { Identifier, expression, keyClause } = c.submoduleMember![0]!.children;
    return {
      kind: 'submodule',
      name: this.name(Identifier[0]!),
      value: this.expression(expression[0]!),
      keys: this.keys(keyClause),
      doc,
      span: this.span(c.submoduleMember![0]!),
    };
  }

  private param(node: Cst.ParamMemberCstNode | Cst.BufferMemberCstNode, buffer: boolean, doc: string): ast.ParamMember {
    const { Identifier, tensorType, expression, keyClause } = node.children;
    return {
      kind: 'param',
      buffer,
      name: this.name(Identifier[0]!),
      type: this.tensorType(tensorType[0]!),
      init: this.expression(expression[0]!),
      keys: this.keys(keyClause),
      resample: expression[1] ? this.expression(expression[1]) : undefined,
      doc,
      span: this.span(node),
    };
  }

  private entry(node: Cst.EntryMemberCstNode, doc: string): ast.EntryMember {
    const { Identifier, StringLiteral, signature, block } = node.children;
    return {
      kind: 'entry',
      name: this.name(Identifier[0]!),
      signature: this.signature(signature[0]!),
      cache: StringLiteral
        ? {
            length: this.name(Identifier[1]!),
            past: this.string(StringLiteral[0]!),
            present: this.string(StringLiteral[1]!),
          }
        : undefined,
      body: this.block(block[0]!),
      doc,
      span: this.span(node),
    };
  }

  private keys(clause: Cst.KeyClauseCstNode[] | undefined): ast.StringExpression[] {
    return (clause?.[0]?.children.StringLiteral ?? []).map((token) => this.string(token));
  }

  private signature(node: Cst.SignatureCstNode): ast.Signature {
    const { parameters, resultType } = node.children;
    return {
      parameters: this.parameters(parameters[0]!),
      result: resultType ? this.result(resultType[0]!) : undefined,
    };
  }

  private result(node: Cst.ResultTypeCstNode): ast.ResultType[] {
    const { tensorType, namedType } = node.children;
    if (tensorType) return [{ name: undefined, type: this.tensorType(tensorType[0]!) }];
    return namedType!.map(({ children }) => ({
      name: children.Identifier ? this.name(children.Identifier[0]!) : undefined,
      type: this.tensorType(children.tensorType[0]!),
    }));
  }

  private parameters(node: Cst.ParametersCstNode): ast.Parameter[] {
    return (node.children.parameter ?? []).map((item) => {
      const { Identifier, tensorType, expression } = item.children;
      return {
        name: this.name(Identifier[0]!),
        type: tensorType ? this.tensorType(tensorType[0]!) : undefined,
        fallback: expression ? this.expression(expression[0]!) : undefined,
        span: this.span(item),
      };
    });
  }

  private tensorType(node: Cst.TensorTypeCstNode): ast.TensorTypeSyntax {
    const { Identifier, dimensions } = node.children;
    return {
      element: Identifier ? this.name(Identifier[0]!) : undefined,
      dims: dimensions?.[0]?.children.dimension
        ? dimensions[0].children.dimension.map(({ children }) =>
            children.arithmetic
              ? this.arithmetic(children.arithmetic[0]!)
              : { kind: 'ellipsis' as const, span: this.tokenSpan(children.Ellipsis![0]!) },
          )
        : dimensions
          ? []
          : undefined,
      span: this.span(node),
    };
  }

  private block(node: Cst.BlockCstNode): ast.Block {
    return { statements: (node.children.statement ?? []).map((item) => this.statement(item)), span: this.span(node) };
  }

  private statement(node: Cst.StatementCstNode): ast.Statement {
    const c = node.children;
    const span = this.span(node);
    if (c.letStatement) {
      const { Identifier, expression } = c.letStatement[0]!.children;
      return { kind: 'let', names: this.names(Identifier), value: this.expression(expression[0]!), span };
    }
    if (c.assignStatement) {
      const { Identifier, expression } = c.assignStatement[0]!.children;
      return { kind: 'assign', name: this.name(Identifier[0]!), value: this.expression(expression[0]!), span };
    }
    if (c.updateStatement) {
      const { Identifier, expression } = c.updateStatement[0]!.children;
      return { kind: 'update', name: this.name(Identifier[0]!), value: this.expression(expression[0]!), span };
    }
    if (c.forStatement) {
      const { Identifier, expression, block } = c.forStatement[0]!.children;
      const over = this.expression(expression[0]!);
      return { kind: 'for', names: this.names(Identifier), over, body: this.block(block[0]!), span };
    }
    if (c.ifStatement) return this.ifStatement(c.ifStatement[0]!);
    return { kind: 'expression', value: this.expression(c.expression![0]!), span };
  }

  private ifStatement(node: Cst.IfStatementCstNode): ast.Statement {
    const { expression, block, ifStatement } = node.children;
    const [consequent, otherwise] = block;
    let elseBlock = otherwise ? this.block(otherwise) : undefined;
    if (ifStatement) {
      const chained = this.ifStatement(ifStatement[0]!);
      elseBlock = { statements: [chained], span: chained.span };
    }
    return {
      kind: 'if',
      condition: this.expression(expression[0]!),
      consequent: this.block(consequent!),
      otherwise: elseBlock,
      span: this.span(node),
    };
  }

  private names(tokens: readonly IToken[]): ast.Name[] {
    return tokens.map((token) => this.name(token));
  }

  private doc(tokens: readonly IToken[] | undefined): string {
    return (tokens ?? []).map((token) => token.image.slice(3).trim()).join('\n');
  }
}

/** The tokens of a node in the order of the text; comments between them are none of it. */
function tokensOf(node: CstNode): IToken[] {
  const children = Object.values(node.children).flat();
  const tokens = children.flatMap((child) => ('children' in child ? tokensOf(child) : [child]));
  return tokens.sort((a, b) => a.startOffset - b.startOffset);
}
