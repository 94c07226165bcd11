/** Tensors and shapes: E03xx. */
import { message, type Named } from '../message.ts';

export const TENSOR_MESSAGES = {
  tensor_at_compile_time: message<Named>(
    'E0301',
    'tensor outside forward',
    (a) => `${a.name} makes a tensor, and tensors exist only inside forward, fn and entry bodies`,
  ),
  shape_clash: message<{ text: string }>('E0302', 'shapes do not fit', (a) => a.text),
  argument_shape: message<{ callee: string; name: string; expected: string; found: string; detail: string }>(
    'E0303',
    'argument of another shape',
    (a) => `${a.callee} takes ${a.name} as ${a.expected} and gets ${a.found}${a.detail}`,
  ),
  result_shape: message<{ callee: string; expected: string; found: string }>(
    'E0304',
    'result of another shape',
    (a) => `${a.callee} promises ${a.expected} and returns ${a.found}`,
  ),
  dtype_clash: message<{ operator: string; left: string; right: string }>(
    'E0305',
    'element types do not fit',
    (a) => `${a.operator} gets ${a.left} and ${a.right}`,
  ),
  pattern_syntax: message<{ problem: string }>('E0306', 'rearrange pattern', (a) => a.problem),
  pattern_clash: message<{ problem: string }>('E0307', 'rearrange pattern does not fit', (a) => a.problem),
  einsum_equation: message<{ problem: string }>('E0293', 'einsum equation', (a) => a.problem),
  einsum_operands: message<{ problem: string }>('E0294', 'einsum equation does not fit', (a) => a.problem),
  tensor_values: message<{ problem: string }>('E0295', 'values of a tensor', (a) => a.problem),
  condition_is_tensor: message<object>(
    'E0308',
    'condition on a tensor',
    () => 'a condition must be known at compile time, and this one is a tensor',
  ),
  no_result: message<Named>('E0309', 'no result', (a) => `the body of ${a.name} ends without a value`),
  identity_changes_shape: message<{ name: string; from: string; to: string }>(
    'E0310',
    'identity changes the shape',
    (a) => `${a.name} may be switched off only if it keeps the shape, and it turns ${a.from} into ${a.to}`,
  ),
  dim_unbound: message<Named>(
    'E0311',
    'dimension without a value',
    (a) => `the dimension ${a.name} follows from no argument`,
  ),
  cached_outside: message<object>(
    'E0312',
    'cached value without a length axis',
    () => 'cached(…) takes a tensor of [batch, heads, length, head_dim]',
  ),
} as const;
