using System.Globalization;
using Pedigree.Weights.Merging;
using Pedigree.Workflow.Explaining;
using Pedigree.Workflow.Report;
using Spectre.Console;

namespace Pedigree.Cli;

/// <summary>A merge that was explained, in words.</summary>
internal static class ExplainedMerge
{
    public static void Print(IReadOnlyList<StageExplanation> stages, string? folder, Output to)
    {
        double seconds = stages.Sum(stage => stage.Seconds);
        long buffers = stages.Max(stage => stage.Made is null ? stage.Merge.Memory : 0), program = ProgramMemory.Bytes();
        var memory = new { Buffers = buffers, Program = program, Threads = Environment.ProcessorCount };
        to.Print(new { Stages = stages, Seconds = seconds, Memory = memory }, console =>
        {
            foreach (StageExplanation stage in stages)
                Print(console, stage, stages.Count > 1, folder is not null);
            if (stages.Count > 1)
                Line(console, "in all", Time(seconds));
            Line(console, "memory",
                $"up to {Pace.Size(buffers)} for the buffers of {Format.Plural(Environment.ProcessorCount, "thread")}, "
                + $"beside {Pace.Size(program)} for the program; models and child are in the page cache, "
                + "as far as there is room");
        });
    }

    private static void Print(IAnsiConsole console, StageExplanation stage, bool isOfSeveral, bool hasFolder)
    {
        MergeExplanation merge = stage.Merge;
        string name = stage.Name is null ? "" : $"{stage.Name}: ";
        console.WriteLine(
            $"{name}{merge.Method} of {string.Join(", ", merge.Models)}, {Format.Count(merge.Parameters)} parameters");
        if (stage.Made is not null)
        {
            Line(console, "skipped", $"its child is there already: {stage.Made}");
            Line(console, "time", $"{Time(stage.Seconds)} to verify it");
            console.WriteLine();
            return;
        }
        Table table = Output.Table(("tensors", true), ("such as", false), ("parameters", false), ("coefficients", false));
        foreach (var group in merge.Tensors.GroupBy(Words))
            Output.Row(table, $"{group.Count()}", group.First().Name, group.Key, Coefficients([.. group], merge.IsWeightedSum));
        console.Write(table);
        if (isOfSeveral && stage.Name is not null)
            Line(console, "made",
                !hasFolder ? "unless it is there already: name the child's folder too, and it is looked for"
                : stage.Digest is null ? "unless it is there already: that is known once its models are read"
                : "it is not there yet");
        Line(console, "kinship", stage.NotPredicted is { } lacking ? $"not predicted: {lacking}" : Kinship(stage));
        IEnumerable<string> passes = merge.Passes.Select(pass => $"{Pace.Size(pass.Bytes)} {For(pass.For)}");
        Line(console, "reads", $"{Pace.Size(merge.BytesRead)}: {string.Join(", ", passes)}");
        Line(console, "writes", Pace.Size(merge.Bytes) + (merge.Scratch == 0
            ? ""
            : $", and {Pace.Size(merge.Scratch)} for a while of tensors that must be made first"));
        Line(console, "time", $"{Time(stage.Seconds)} at {Pace.Size(stage.Rate)}/s, " + (stage.RateOf is { } shown
            ? $"as the last merge by {shown.Method} on this machine ({Pace.Size(shown.Bytes)} in {Pace.Time(shown.Seconds)})"
            : $"which is assumed: no large merge by {merge.Method} was made on this machine yet"));
        console.WriteLine();
    }

    private static void Line(IAnsiConsole console, string what, string words) => console.WriteLine($"  {what,-8} {words}");

    private static string Kinship(StageExplanation stage)
    {
        IEnumerable<string> parents = stage.Merge.Kinship!.Select(parent => $"{Number(parent.Pearson)} to {parent.Model}");
        return $"{string.Join(", ", parents)} (Pearson, predicted, relative to {stage.Base})";
    }

    private static string Time(double seconds) => seconds < 1 ? "less than a second" : $"about {Pace.Time(seconds)}";

    private static string For(PassKind pass) => pass switch
    {
        PassKind.Digests => "for the models' digests",
        PassKind.Products => "for inner products",
        PassKind.Merge => "to merge",
        PassKind.Child => "for the child's digest",
        _ => throw new ArgumentOutOfRangeException(nameof(pass)),
    };

    private static string Words(TensorExplanation tensor) =>
        tensor.Parameters.Count == 0
            ? "carried through"
            : string.Join("; ", tensor.Parameters.Select(parameter => $"{parameter.Key} {Numbers(parameter.Value)}"));

    // One alone where all are the same.
    private static string Numbers(IReadOnlyList<double> values) =>
        string.Join(", ", values.Take(values.Distinct().Count() == 1 ? 1 : values.Count).Select(Number));

    // Of each source the least and the greatest.
    private static string Coefficients(IReadOnlyList<TensorExplanation> tensors, bool isWeightedSum)
    {
        if (tensors.Any(tensor => tensor.Coefficients is null))
            return tensors[0].Parameters.Count == 0 ? "" : isWeightedSum ? "from inner products" : "element by element";
        IEnumerable<string> ranges = tensors[0].Coefficients!.Select((_, source) =>
        {
            string least = Number(tensors.Min(tensor => tensor.Coefficients![source]));
            string most = Number(tensors.Max(tensor => tensor.Coefficients![source]));
            return least == most ? least : $"{least} … {most}";
        });
        return string.Join(", ", ranges);
    }

    private static string Number(double value) => value.ToString("0.####", CultureInfo.InvariantCulture);
}
