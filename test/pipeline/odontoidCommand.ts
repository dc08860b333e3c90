import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { packageRoot } from '../../src/base/packageRoot.ts';

/** Starts the command line as its user would from `cwd`: from the build, since compiling the sources is half the work of a start. */
export function startCommand(
  args: readonly string[],
  { cwd, env = {}, under = [] }: { cwd: string; env?: NodeJS.ProcessEnv; under?: readonly string[] },
): ChildProcess {
  const [program, ...before] = [...under, process.execPath];
  return spawn(program, [...before, join(packageRoot, 'bin/odontoid.js'), ...args], {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

export interface CommandResult {
  exitCode: number | null;
  stdout: string;
  stderr: string;
}

/** Waits for the end of a command and collects what it wrote. */
export async function finished(child: ChildProcess): Promise<CommandResult> {
  let [stdout, stderr] = ['', ''];
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const [exitCode] = (await once(child, 'close')) as [number | null];
  return { exitCode, stdout, stderr };
}

/** Runs the command line and waits for its end. */
export async function odontoid(
  args: readonly string[],
  options: Parameters<typeof startCommand>[1],
): Promise<CommandResult> {
  return finished(startCommand(args, options));
}
