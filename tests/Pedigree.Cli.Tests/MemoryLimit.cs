using System.Diagnostics;

namespace Pedigree.Cli.Tests;

/// <summary>
/// A control group of Linux: its processes may use so much memory together, their share of the page cache included.
/// </summary>
internal sealed class MemoryLimit : IDisposable
{
    private const string Tree = "/sys/fs/cgroup";

    private readonly string _group;

    private MemoryLimit(string group) => _group = group;

    /// <summary>Null where this user may not make one.</summary>
    public static MemoryLimit? TryCreate(long bytes)
    {
        foreach ((string parent, string limit) in Parents().Where(place => Directory.Exists(place.Parent)))
        {
            MemoryLimit created = new(Path.Combine(parent, $"pedigree-{Guid.NewGuid():N}"));
            try
            {
                Directory.CreateDirectory(created._group);
                using (StreamWriter file =
                    new(new FileStream(Path.Combine(created._group, limit), FileMode.Open, FileAccess.Write)))
                    file.Write(bytes);
                return created;
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                created.Dispose();
            }
        }
        return null;
    }

    /// <summary>
    /// Where a group may be made, and its file. Version 1 has a tree for each resource. Version 2 has one for all, in which a
    /// user may have been given the part that this process is in; a group that has processes passes no limits on, so the group
    /// goes beside it or further up.
    /// </summary>
    private static IEnumerable<(string Parent, string Limit)> Parents()
    {
        yield return (Path.Combine(Tree, "memory"), "memory.limit_in_bytes");
        const string Version2 = "0::/", Groups = "/proc/self/cgroup";
        string? own = !File.Exists(Groups) ? null : File.ReadLines(Groups)
            .FirstOrDefault(line => line.StartsWith(Version2, StringComparison.Ordinal))?[Version2.Length..];
        for (; own is not null; own = own.Length == 0 ? null : Path.GetDirectoryName(own))
            yield return (Path.Combine(Tree, own), "memory.max");
    }

    /// <summary>Runs the command within the limit.</summary>
    public Task<Said> RunAsync(params string[] arguments)
    {
        ProcessStartInfo start = Command.StartInfo(arguments);
        string[] inner = [start.FileName, .. start.ArgumentList];
        start.FileName = "bash";
        start.ArgumentList.Clear();
        foreach (string argument in (string[])[
            "-c", "echo $$ > \"$0\" && exec \"$@\"", Path.Combine(_group, "cgroup.procs"), .. inner])
            start.ArgumentList.Add(argument);
        return Command.RunAsync(start);
    }

    public void Dispose()
    {
        if (Directory.Exists(_group))
            Directory.Delete(_group);
    }
}
