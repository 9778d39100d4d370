import type { Problem } from "../state/store";

export function ProblemPage({ problem }: { problem: Problem }) {
  return (
    <main className="page-state">
      <div role="alert">
        <h1>{problem.title}</h1>
        <p>{problem.message}</p>
      </div>
      <button type="button" className="primary" onClick={() => location.reload()}>
        {problem.stale ? "Reload the map" : "Try again"}
      </button>
    </main>
  );
}
