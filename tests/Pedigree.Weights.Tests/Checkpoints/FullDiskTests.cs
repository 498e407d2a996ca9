using System.Diagnostics;
using Pedigree.Weights.Checkpoints;
using Pedigree.Weights.Merging;
using Xunit;

namespace Pedigree.Weights.Tests.Checkpoints;

/// <summary>The test runs itself once more in a process whose disk is small.</summary>
public sealed class FullDiskTests
{
    private const string FolderVariable = "PEDIGREE_TEST_SMALL_DISK";

    [Theory]
    [InlineData("a bounded file size", "ulimit -f 256; exec \"$@\"")]
    [InlineData(
        "a small volume", "mount -t tmpfs -o size=256k small \"$PEDIGREE_TEST_SMALL_DISK\" && echo mounted && exec \"$@\"")]
    public async Task A_full_disk_is_one_clear_error_and_leaves_nothing(string what, string script)
    {
        if (Environment.GetEnvironmentVariable(FolderVariable) is { } small)
        {
            WriteTooMuch(small);
            await MergeTooMuchAsync(small);
            return;
        }
        Assert.SkipUnless(OperatingSystem.IsLinux(), "needs Linux to make a disk small");
        using var folder = new TemporaryFolder();
        var volume = script.StartsWith("mount", StringComparison.Ordinal);
        var (exitCode, output) = Run(folder.Path, volume ? ["unshare", "--user", "--map-root-user", "--mount"] : [], script);
        Assert.SkipWhen(volume && !output.Contains("mounted"), $"{what} cannot be made here: {output}");
        Assert.True(exitCode == 0, output);
        Assert.Empty(folder.Contents());
    }

    private static void WriteTooMuch(string folder)
    {
        const int length = 1 << 20;
        var error = Assert.Throws<UnavailableException>(() =>
        {
            using var writer = new CheckpointWriter(Path.Combine(folder, "t"), [new("a", DType.U8, [length])]);
            writer.Write("a", 0, new byte[length]);
            writer.AddFile("config.json", "{}"u8);
            writer.Complete(Path.Combine(folder, "model"));
        });
        Assert.StartsWith(Path.Combine(folder, "t"), error.File);
        Assert.Contains($"takes {length + 128} bytes", error.Message);
        Assert.Contains("make room", error.Message);
        Assert.Empty(Directory.EnumerateFileSystemEntries(folder));
    }

    private static async Task MergeTooMuchAsync(string folder)
    {
        using var models = new TemporaryFolder();
        // Files of 200 kB have room, and a child of 400 kB that all threads write has not.
        foreach (var (name, seed) in new[] { ("a", 1), ("b", 2) })
            Model.Write(models[name], [.. Enumerable.Range(0, 8)
                .Select(i => Model.Random($"model.layers.{i}.mlp.up_proj.weight", DType.BF16, [12_500], (10 * seed) + i))]);
        var config = MergeConfig.ParseAll("c.yml",
            "merge_method: linear\nout_dtype: float32\nparameters: {weight: 1}\nmodels: [{model: a}, {model: b}]");
        var error = await Assert.ThrowsAsync<UnavailableException>(() => MergePipeline.RunAsync(
            config,
            models.Path,
            new(new("http://127.0.0.1:9/"), models["cache"], Offline: true),
            null,
            Path.Combine(folder, "child"),
            CheckpointWriter.DefaultMaxShardSize,
            0));
        Assert.Contains("make room", error.Message);
        Assert.Empty(Directory.EnumerateFileSystemEntries(folder));
    }

    private static (int ExitCode, string Output) Run(string folder, string[] before, string script)
    {
        string[] command = [
            .. before, "bash", "-c", script, "bash", Path.Combine(AppContext.BaseDirectory, "Pedigree.Weights.Tests"),
            "-method", $"{typeof(FullDiskTests).FullName}.{nameof(A_full_disk_is_one_clear_error_and_leaves_nothing)}"];
        ProcessStartInfo start = new(command[0], command[1..]) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment[FolderVariable] = folder;
        // The runtime maps its code through a file larger than the bound unless told not to.
        start.Environment["DOTNET_EnableWriteXorExecute"] = "0";
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd() + errors.Result;
        process.WaitForExit();
        return (process.ExitCode, output);
    }
}
