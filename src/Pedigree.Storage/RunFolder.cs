using System.Text.Json;
using System.Text.RegularExpressions;
using Pedigree.Weights;

namespace Pedigree.Storage;

/// <summary>Where the things of one run lie.</summary>
public sealed partial class RunFolder
{
    internal RunFolder(string runs, string run)
    {
        if (!IdPattern().IsMatch(run))
            throw new BadInputException(runs, "run",
                $"`{run}` cannot name a run: use letters, digits, '.', '_' and '-', beginning with a letter or digit, at most 64");
        Run = run;
        Path = System.IO.Path.Combine(runs, run);
    }

    /// <summary>The run's id.</summary>
    public string Run { get; }

    /// <summary>The folder.</summary>
    public string Path { get; }

    /// <summary>The event log.</summary>
    public string Log => System.IO.Path.Combine(Path, "events.jsonl");

    /// <summary>The report.</summary>
    public string Report => System.IO.Path.Combine(Path, "report.html");

    /// <summary>Half-made things of the process that writes the run.</summary>
    public string Temporary => System.IO.Path.Combine(Path, "tmp");

    /// <summary>Whether the run was begun.</summary>
    public bool Exists => File.Exists(Log);

    /// <summary>Whether someone asked the run to end after its generation.</summary>
    public bool StopRequested => File.Exists(Stop);

    internal string Lock => System.IO.Path.Combine(Path, "lock");

    private string Stop => System.IO.Path.Combine(Path, "stop");

    /// <summary>Asks the run to end after the generation it is in.</summary>
    public void RequestStop() => File.WriteAllBytes(Stop, []);

    /// <summary>Path of the spec that the run was last taken up with; its relative paths begin there. Null where it is not known.</summary>
    public string? Origin => File.Exists(OriginFile) ? JsonSerializer.Deserialize<string>(File.ReadAllText(OriginFile)) : null;

    private string OriginFile => System.IO.Path.Combine(Path, "spec.json");

    /// <summary>Keeps the path of the spec; only the run's writer may.</summary>
    public void WriteOrigin(string spec)
    {
        if (Origin != spec)
            WholeFile.Write(OriginFile, JsonSerializer.Serialize(spec) + "\n", Temporary);
    }

    internal static bool IsId(string name) => IdPattern().IsMatch(name);

    [GeneratedRegex(@"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}\z")]
    private static partial Regex IdPattern();
}
