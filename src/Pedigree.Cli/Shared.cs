using System.CommandLine;

namespace Pedigree.Cli;

/// <summary>Options and arguments that several verbs have.</summary>
internal static class Shared
{
    public static Option<bool> Json { get; } = new("--json")
    {
        Description = "Print one JSON document on standard output and nothing else",
        Recursive = true,
    };

    public static Option<bool> Verbose { get; } = new("--verbose")
    {
        Description = "When something fails, print where in the program",
        Recursive = true,
    };

    public static Option<string> Store() => new("--store")
    {
        Description =
            "Where runs, checkpoints and scores are kept: a folder, or Azure Blob Storage by connection string or account URL",
        DefaultValueFactory = _ => "./pedigree",
        HelpName = "store",
    };

    public static Option<string?> Publish() => new("--publish")
    {
        Description = "Post events there too, as CloudEvents [default: the environment's PEDIGREE_EVENTS_WEBHOOK or _TOPIC]",
        HelpName = "url",
    };

    public static Argument<string> Run() => new("run") { Description = "Id of the run, as `pedigree runs` lists it" };

    /// <summary>The whole command as typed: <c>pedigree family train</c>.</summary>
    public static string PathOf(Command command) =>
        command.Parents.OfType<Command>().FirstOrDefault() is { } parent ? $"{PathOf(parent)} {command.Name}" : "pedigree";
}
