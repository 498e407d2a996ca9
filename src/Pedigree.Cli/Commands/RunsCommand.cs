using System.CommandLine;
using Pedigree.Evolution;
using Pedigree.Storage;
using Pedigree.Weights;
using Pedigree.Workflow;
using Pedigree.Workflow.Report;
using Spectre.Console;

namespace Pedigree.Cli.Commands;

/// <summary>Lists the runs of a store.</summary>
internal static class RunsCommand
{
    public static Command Create()
    {
        Option<string> store = Shared.Store();
        Verb verb = new("runs", "List the runs of a store", "pedigree runs",
            "pedigree runs --store ./elsewhere --json") { store };
        verb.Does(async (parsed, cancellation) =>
        {
            IStore kept = Store.Open(parsed.GetValue(store)!);
            List<Listed> runs = [];
            foreach (string run in await Runs.ListAsync(kept, cancellation))
                runs.Add(await ListAsync(kept, run, cancellation));
            Output.Of(parsed).Print(runs, console =>
            {
                if (runs.Count == 0)
                    console.WriteLine(
                        $"There is no run in {kept.Address} yet: begin with `pedigree demo` or `pedigree run SPEC`.");
                else
                    console.Write(Table(runs));
            });
            return 0;
        });
        return verb;
    }

    /// <summary>One damaged log does not hide the other runs.</summary>
    private static async Task<Listed> ListAsync(IStore store, string id, CancellationToken cancellation)
    {
        try
        {
            RunRecord run = await Runs.LoadAsync(store, id, cancellation);
            RunState state = run.State;
            Best? best = state.Population.FirstOrDefault() is { } first ? new(first.Name, first.Average!.Value) : null;
            return new(
                id, state.Spec?.Strategy.Name, Math.Max(0, state.Generations.Count - 1), best,
                state.Completed is not null, state.Completed?.Reason, null);
        }
        catch (BadInputException damaged)
        {
            return new(id, null, 0, null, false, null, damaged.Message);
        }
    }

    private static Table Table(IEnumerable<Listed> runs)
    {
        Table table = Output.Table(
            ("run", false), ("strategy", false), ("generations", true), ("best", false), ("average %", true), ("state", false));
        foreach (Listed run in runs)
            Output.Row(
                table, run.Run, run.Strategy ?? "", $"{run.Generations}", run.Best?.Name ?? "", Format.Percent(run.Best?.Average),
                run.Error
                ?? (run.Completed ? $"finished: {run.StopReason!.Value.ToString().ToLowerInvariant()}" : "not finished"));
        return table;
    }

    private sealed record Listed(
        string Run, string? Strategy, int Generations, Best? Best, bool Completed, StopReason? StopReason, string? Error);
}
