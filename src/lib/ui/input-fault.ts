import { z } from 'zod/mini';
import { AppError, type FieldError } from '#lib/shared/errors.ts';

/** What is wrong with an input before it is sent, told as the server would; undefined when nothing is. */
export function inputFault<Input>(
  schema: z.ZodMiniType<Input>,
  input: unknown,
): AppError | undefined {
  const read = z.safeParse(schema, input);
  if (read.success) return undefined;
  const fields = read.error.issues.map(({ code, path, message }): FieldError => ({
    field: path.map(String).join('.'),
    rule: code === 'custom' ? message : code,
  }));
  return new AppError('BAD_INPUT', { fields });
}
