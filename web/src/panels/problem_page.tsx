import { rememberKey } from "../data/server_key";
import type { Problem } from "../state/store";

export function ProblemPage({ problem }: { problem: Problem }) {
  return (
    <main className="page-state">
      <div role="alert">
        <h1>{problem.title}</h1>
        <p>{problem.message}</p>
      </div>
      {problem.needsKey && (
        <form
          className="row"
          onSubmit={(event) => {
            event.preventDefault();
            const key = new FormData(event.currentTarget).get("key");
            if (typeof key !== "string" || !key.trim()) return;
            rememberKey(key.trim());
            location.reload();
          }}
        >
          <input name="key" type="password" required aria-label="Key of the server" placeholder="key" autoComplete="off" />
          <button type="submit" className="primary">
            Open
          </button>
        </form>
      )}
      <button type="button" className="primary" onClick={() => location.reload()}>
        {problem.stale ? "Reload the map" : "Try again"}
      </button>
    </main>
  );
}
