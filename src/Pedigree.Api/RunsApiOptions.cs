namespace Pedigree.Api;

/// <summary>What the routes need to know besides store and host.</summary>
public sealed record RunsApiOptions
{
    /// <summary>Folders that the paths of a spec may lead into; relative ones begin at the first.</summary>
    public IReadOnlyList<string> Roots { get; init; } = [Environment.CurrentDirectory];

    /// <summary>Longest silence of an event stream.</summary>
    public TimeSpan Heartbeat { get; init; } = TimeSpan.FromSeconds(15);
}
