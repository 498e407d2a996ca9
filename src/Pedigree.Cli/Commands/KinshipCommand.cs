using System.CommandLine;
using System.Globalization;
using Pedigree.Storage;
using Pedigree.Weights;
using Pedigree.Weights.Checkpoints;
using Pedigree.Weights.Grams;
using Pedigree.Workflow.Explaining;
using Spectre.Console;

namespace Pedigree.Cli.Commands;

/// <summary>Measures the kinship of models.</summary>
internal static class KinshipCommand
{
    public static Command Create()
    {
        Argument<string> ancestor = new("base")
        {
            Description = "The common ancestor: a folder, a Hugging Face id, or run/model or a digest of the store",
        };
        Argument<string[]> models =
            new("model") { Description = "Two or more of its descendants", Arity = ArgumentArity.OneOrMore };
        Option<KinshipMeasure[]> measures = new("--measure")
        {
            Description = "Print this measure only (JSON has them all)",
            HelpName = "pearson|cosine|euclidean",
            DefaultValueFactory = _ => Enum.GetValues<KinshipMeasure>(),
        };
        measures.AcceptOnlyFromAmong([.. Enum.GetNames<KinshipMeasure>().Select(name => name.ToLowerInvariant())]);
        Option<bool> keep = new("--keep")
        {
            Description = "Keep the inner products in the store, where `merge --explain` and runs with the same models find them",
        };
        Option<string> store = Shared.Store();
        Verb verb = new("kinship",
            "Measure how alike models are in what they learned since their base: every pair, one pass over the weights",
            "pedigree kinship ./base ./math ./code ./chat", "pedigree kinship ./base ./math ./code --measure cosine",
            "pedigree kinship ./base ./math ./code --keep") { ancestor, models, measures, keep, store };
        verb.Does(async (parsed, cancellation) =>
        {
            string[] folders = parsed.GetValue(models)!;
            if (folders.Length < 2)
                throw new BadInputException(folders[0], "model", "is the only one; give at least two models to compare");
            string[] names = Names(folders);
            (Gram gram, long parameters) = await MeasureAsync(
                [parsed.GetValue(ancestor)!, .. folders], parsed, store, parsed.GetValue(keep), cancellation);
            Output.Of(parsed).Print(
                new
                {
                    Models = names,
                    Parameters = parameters,
                    Pearson = gram.Matrix(KinshipMeasure.Pearson),
                    Cosine = gram.Matrix(KinshipMeasure.Cosine),
                    Euclidean = gram.Matrix(KinshipMeasure.Euclidean),
                },
                console =>
                {
                    foreach (KinshipMeasure measure in parsed.GetValue(measures)!)
                        Print(console, measure, names, gram);
                });
            return 0;
        });
        return verb;
    }

    private static async Task<(Gram, long)> MeasureAsync(
        IEnumerable<string> models, ParseResult parsed, Option<string> store, bool keep, CancellationToken cancellation)
    {
        List<Relative> open = [];
        ProgressLines progress = new();
        using ModelFolders found = new(parsed, store, progress, cancellation);
        try
        {
            foreach (string folder in await found.FindAllAsync(models))
                open.Add(new Relative(Path.TrimEndingDirectorySeparator(folder), Checkpoint.Open(folder)));
            Pace pace = new(TimeProvider.System);
            long bytes = open.Sum(relative => relative.Checkpoint.ByteLength);
            IStore kept = Store.Open(parsed.GetValue(store)!);
            IReadOnlyList<Relative> named = keep ? await KeptKinship.NamedAsync(kept, open, progress, cancellation) : open;
            IReadOnlyList<GramRow> rows = KinshipPass.Measure(named[0], [], [.. named.Skip(1)],
                progress: new Told<double>(done => progress.Show($"measuring kinship {pace.Of(done, bytes)}")),
                cancellation: cancellation);
            Gram gram = new(rows);
            RefuseTwins([.. open.Skip(1).Select(model => model.Checkpoint)], gram);
            if (keep)
                await KeptKinship.KeepAsync(kept, rows, cancellation);
            progress.Done();
            return (gram, open[0].Checkpoint.Parameters);
        }
        finally
        {
            foreach (Relative relative in open)
                relative.Checkpoint.Dispose();
        }
    }

    /// <summary>Refuses a model that is given twice: by a link, another path, or as a copy.</summary>
    private static void RefuseTwins(IReadOnlyList<Checkpoint> models, Gram gram)
    {
        for (int a = 1; a < models.Count; a++)
            for (int b = 0; b < a; b++)
                if (gram.Kinship(KinshipMeasure.Euclidean, a, b) == 0 && Content(models[a]) == Content(models[b]))
                    throw new BadInputException(models[a].Folder, null,
                        $"is the same model as {models[b].Folder}; give each model once");

        static string Content(Checkpoint model) => CheckpointDigest.Compute(model).ContentDigest;
    }

    /// <summary>The folders' own names where they tell the models apart, otherwise the paths as given.</summary>
    private static string[] Names(string[] folders)
    {
        string[] names =
            [.. folders.Select(folder => Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder))))];
        return names.Distinct(StringComparer.Ordinal).Count() == names.Length ? names : folders;
    }

    private static void Print(IAnsiConsole console, KinshipMeasure measure, string[] names, Gram gram)
    {
        string name = measure.ToString().ToLowerInvariant();
        Table table = Output.Table([(name, false), .. names.Select(model => (model, true))]);
        for (int row = 0; row < names.Length; row++)
            Output.Row(table, [names[row], .. names.Select((_, column) => Number(gram.Kinship(measure, row, column)))]);
        console.Write(table);

        int sign = measure == KinshipMeasure.Euclidean ? -1 : 1;
        var pairs = Enumerable.Range(0, names.Length)
            .SelectMany(
                a => Enumerable.Range(a + 1, names.Length - a - 1).Select(b => (A: a, B: b, Value: gram.Kinship(measure, a, b))))
            .OrderBy(pair => sign * pair.Value).ToList();
        console.WriteLine($"most related: {Pair(pairs[^1])}; least related: {Pair(pairs[0])}; "
            + $"mean of {pairs.Count} {(pairs.Count == 1 ? "pair" : "pairs")}: "
            + $"{Number(gram.Mean(measure, [.. Enumerable.Range(0, names.Length)]))}");
        console.WriteLine();

        string Pair((int A, int B, double Value) pair) => $"{names[pair.A]} and {names[pair.B]}, {Number(pair.Value)}";
    }

    private static string Number(double value) => value.ToString("0.0000", CultureInfo.InvariantCulture);
}
