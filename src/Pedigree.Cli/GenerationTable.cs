using Pedigree.Evolution;
using Pedigree.Workflow;
using Pedigree.Workflow.Report;
using Spectre.Console;

namespace Pedigree.Cli;

/// <summary>Runs side by side, generation by generation.</summary>
internal static class GenerationTable
{
    /// <summary>A terminal of 80 columns holds the table only without space between its columns.</summary>
    private const int Comfortable = 90;

    public static Table Of(IReadOnlyList<RunRecord> runs, int width)
    {
        Table table = Output.Table(("gen", false), ("strategy", false), ("best", false), ("best %", true), ("top-k %", true),
            ("kinship", true), ("gain", true), ("stage", false), ("merges", true), ("evals", true));
        foreach (TableColumn column in table.Columns)
            column.Padding = new Padding(0, 0, width < Comfortable ? 0 : 1, 0);
        int generations = runs.Max(run => run.State.Generations.Count);
        for (int generation = 0; generation < generations; generation++)
        {
            foreach ((int index, RunRecord run) in runs.Index())
                Output.Row(table, [
                    index > 0 ? "" : $"{generation}", run.State.Spec!.Strategy.Name,
                    .. run.State.Generations.ElementAtOrDefault(generation) is { } completed ? Cells(completed) : Ended(run)]);
            if (runs.Count > 1 && generation < generations - 1)
                table.AddEmptyRow();
        }
        return table;
    }

    private static string[] Cells(GenerationCompleted completed) =>
    [
        completed.Best.Name, Format.Percent(completed.Best.Average), Format.Percent(completed.TopAverage),
        Format.Kinship(completed.MeanKinship),
        Format.Points(completed.Gain), Format.Name(completed.Stage), $"{completed.Merges}", $"{completed.Evaluations}",
    ];

    private static string[] Ended(RunRecord run) => [run.State.Completed is null ? "" : "ended", "", "", "", "", "", "", ""];
}
