using System.CommandLine;
using Pedigree.Evaluation.Family;
using Pedigree.Workflow.Report;
using Spectre.Console;

namespace Pedigree.Cli.Commands;

/// <summary>Trains the sample family.</summary>
internal static class FamilyCommand
{
    public static Command Create()
    {
        FamilyOptions usual = new();
        Argument<string> output = new("out") { Description = "Folder for the family, which must not exist" };
        Option<int> seed = Number("--seed", "Everything random follows from it", usual.Seed);
        Option<int> baseSteps = Number("--base-steps", "Training steps of the base", usual.BaseSteps);
        Option<int> expertSteps = Number("--expert-steps", "Training steps of each expert", usual.ExpertSteps);
        Option<double> rehearsal = new("--rehearsal")
        {
            Description = "Share of an expert's training drawn from all skills",
            DefaultValueFactory = _ => usual.Rehearsal,
            HelpName = "0..1",
        };
        Verb train = new(
            "train", "Train a small base model and one expert for each skill, with tokenizer, tasks and a spec to evolve them",
            "pedigree family train ./family",
            "pedigree family train ./family --seed 7 --base-steps 700") { output, seed, baseSteps, expertSteps, rehearsal };
        train.Does((parsed, cancellation) =>
        {
            string folder = Path.GetFullPath(parsed.GetValue(output)!);
            ProgressLines progress = new();
            FamilyTrainer.Train(
                folder,
                new FamilyOptions
                {
                    Seed = parsed.GetValue(seed),
                    BaseSteps = parsed.GetValue(baseSteps),
                    ExpertSteps = parsed.GetValue(expertSteps),
                    Rehearsal = parsed.GetValue(rehearsal),
                },
                new Told<FamilyProgress>(news => Tell(progress, news)), cancellation);
            progress.Done();
            string[] experts = [.. Directory.EnumerateDirectories(folder).Select(path => Path.GetFileName(path))
                .Where(name => name is not ("base" or "tasks")).Order(StringComparer.Ordinal)];
            Output.Of(parsed).Print(
                new { Path = folder, Base = "base", Experts = experts, Spec = Path.Combine(folder, "evolve.yaml") },
                console => console.WriteLine(
                    $"{folder}: a base and {Format.Plural(experts.Length, "expert")} ({string.Join(", ", experts)}).\n"
                    + $"Evolve them with: pedigree run {Path.Combine(folder, "evolve.yaml")}"));
            return Task.FromResult(0);
        });
        return new Command("family", "Work with the sample family") { train };
    }

    private static void Tell(ProgressLines progress, FamilyProgress news)
    {
        progress.Show(Format.Text($"training {news.Model}, loss {news.Loss:0.000}:"), (double)news.Step / news.Steps);
        if (news.Step == news.Steps)
            progress.Line(Format.Text($"trained {news.Model}: {news.Steps} steps, loss {news.Loss:0.000}"));
    }

    private static Option<int> Number(string name, string description, int usual) =>
        new(name) { Description = description, DefaultValueFactory = _ => usual, HelpName = "n" };
}
