import './sign-in-page.css';
import { useEffect, useRef, useState } from 'preact/hooks';
import { get } from '../api/client.ts';
import { type Problem, problemOfThrown } from '../api/problem.ts';
import { type SignInMethods, signInWithKey, signInWithOidc } from '../session/sign.ts';
import { Icon } from '../ui/icon.tsx';
import { ProblemView } from '../ui/problem-view.tsx';

/** Stands in the place of any page while nobody is signed in: the address stays, and so does where one was. */
export function SignInPage({ hasExpired }: { readonly hasExpired: boolean }) {
  const [methods, setMethods] = useState<SignInMethods['methods']>();
  const [problem, setProblem] = useState<Problem>();
  useEffect(() => {
    document.title = 'Sign in · Stowage';
    const asking = new AbortController();
    void get<SignInMethods>('/v1/sign-in', asking.signal)
      .then((answer) => setMethods(answer.methods))
      .catch((error: unknown) => {
        if (!asking.signal.aborted) setProblem(problemOfThrown(error));
      });
    return () => asking.abort();
  }, []);
  const { oidc } = methods ?? {};
  return (
    <div class="sign-in">
      <main>
        <div class="brand">
          <img src="/console/mark.svg" alt="" width={28} height={28} />
          <h1>Sign in to Stowage</h1>
        </div>
        {hasExpired && <p role="status">Your session is over. Sign in to go on where you were.</p>}
        {oidc !== undefined && (
          <button type="button" class="button primary" onClick={() => signInWithOidc(oidc.url)}>
            <Icon name="user" />
            Sign in with {oidc.name}
          </button>
        )}
        {oidc !== undefined && methods?.key === true && <div class="or">or</div>}
        {methods?.key === true && <KeyForm isPrimary={oidc === undefined} />}
        {problem !== undefined && <ProblemView problem={problem} onRetry={() => location.reload()} />}
      </main>
    </div>
  );
}

function KeyForm({ isPrimary }: { readonly isPrimary: boolean }) {
  const ref = useRef<HTMLInputElement>(null);
  const [isRunning, setRunning] = useState(false);
  const [problem, setProblem] = useState<Problem>();
  useEffect(() => {
    if (isPrimary) ref.current?.focus();
  }, []);

  const submit = async (): Promise<void> => {
    const key = ref.current?.value.trim() ?? '';
    if (key === '' || isRunning) return;
    setRunning(true);
    setProblem(undefined);
    try {
      await signInWithKey(key);
    } catch (error) {
      setProblem(problemOfThrown(error));
      setRunning(false);
      ref.current?.select();
    }
  };

  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      <div class="field">
        <label for="key">API key</label>
        <input
          id="key"
          ref={ref}
          class="input mono"
          type="password"
          autoComplete="current-password"
          required
          aria-describedby={problem === undefined ? 'key-hint' : 'key-fault'}
          aria-invalid={problem !== undefined}
        />
        {problem === undefined ? (
          <p id="key-hint" class="hint">
            npm start prints one; admins make others. It is sent once and not kept in this browser.
          </p>
        ) : (
          <p id="key-fault" class="fault" role="alert">
            {explain(problem)}
          </p>
        )}
      </div>
      <button type="submit" class={`button${isPrimary ? ' primary' : ''}`} aria-disabled={isRunning}>
        <Icon name="key" />
        {isRunning ? 'Signing in…' : 'Sign in with a key'}
      </button>
    </form>
  );
}

function explain(problem: Problem): string {
  const { status, detail } = problem.document;
  if (status === 429 && problem.retryAfterSeconds !== undefined)
    return `Too many attempts from here. Try again in ${problem.retryAfterSeconds} s.`;
  return status === 401 ? 'This key is unknown, or was revoked.' : detail;
}
