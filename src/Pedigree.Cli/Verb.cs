using System.CommandLine;

namespace Pedigree.Cli;

/// <summary>A command with examples for its help.</summary>
internal sealed class Verb(string name, string description, params string[] examples) : Command(name, description)
{
    public string[] Examples { get; } = examples;

    /// <summary>Whether the same command goes on where it was interrupted.</summary>
    public bool Resumes { get; set; }

    /// <summary>
    /// What it does, on another thread: signals are listened to only once the action has returned its task, and work that ran
    /// here would be killed by Ctrl-C instead of ending in good order.
    /// </summary>
    public void Does(Func<ParseResult, CancellationToken, Task<int>> action) =>
        SetAction((parsed, cancellation) => Task.Run(() => action(parsed, cancellation), CancellationToken.None));
}
