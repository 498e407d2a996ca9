using System.Diagnostics;

namespace Pedigree.Cli.Tests;

/// <summary>A control group of Linux: its processes may use so much memory together, their share of the page cache included.</summary>
internal sealed class MemoryLimit : IDisposable
{
    // Version 1 has a tree for each resource, version 2 one for all.
    private static readonly (string Tree, string Limit)[] Versions =
        [("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max")];

    private readonly string _group;

    private MemoryLimit(string group) => _group = group;

    /// <summary>Null where this user may not make one.</summary>
    public static MemoryLimit? TryCreate(long bytes)
    {
        foreach ((string tree, string limit) in Versions)
        {
            if (!Directory.Exists(tree))
                continue;
            MemoryLimit created = new(Path.Combine(tree, $"pedigree-{Guid.NewGuid():N}"));
            try
            {
                Directory.CreateDirectory(created._group);
                using (StreamWriter file = new(new FileStream(Path.Combine(created._group, limit), FileMode.Open, FileAccess.Write)))
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

    /// <summary>Runs the command within the limit.</summary>
    public Task<Said> RunAsync(params string[] arguments)
    {
        ProcessStartInfo plain = Command.StartInfo(arguments);
        ProcessStartInfo start = new("bash", ["-c", "echo $$ > \"$0\" && exec \"$@\"", Path.Combine(_group, "cgroup.procs"), plain.FileName, .. plain.ArgumentList])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        return Command.RunAsync(start);
    }

    public void Dispose()
    {
        if (Directory.Exists(_group))
            Directory.Delete(_group);
    }
}
