using System.Text.Json.Nodes;

namespace Pedigree.Cli.Tests;

public class MemoryLimitTests
{
    private const long Limit = 64 << 20;
    private const int Tensors = 8, Columns = 4096;

    // One of each way of going about it: a sum by products, and elements by size, chance, variance and who else has changed them.
    private static readonly string[] Methods =
    [
        "slerp\nparameters: {t: 0.5}",
        "ties\nparameters: {weight: 1, density: 0.5}",
        "della\nparameters: {weight: 1, density: 0.5}",
        "sce\nparameters: {select_topk: 0.5}",
        "ram",
    ];

    [Fact]
    public async Task Models_six_times_larger_than_the_memory_allowed_are_merged_and_measured()
    {
        using MemoryLimit? limit = MemoryLimit.TryCreate(Limit);
        Assert.SkipWhen(limit is null, "needs the right to make a control group that bounds memory");
        using Folder folder = new();
        for (int model = 0; model <= 4; model++)
            HollowModel.Write(folder[$"{model}"], model, Tensors, (6 * Limit / (Columns * 2 * Tensors)) + 1, Columns);

        foreach (string method in Methods)
        {
            File.WriteAllText(folder["merge.yaml"], $$"""
                merge_method: {{method}}
                base_model: {{folder[method.StartsWith("slerp", StringComparison.Ordinal) ? "1" : "0"]}}
                models:
                  - model: {{folder["1"]}}
                  - model: {{folder["2"]}}
                """);
            Said merged = await limit.RunAsync("merge", folder["merge.yaml"], folder["child"], "--json");
            Assert.True(merged.ExitCode == 0, $"{method}: {merged.Errors}");
            Assert.True(new FileInfo(folder["child/model.safetensors"]).Length > 6 * Limit);
            Directory.Delete(folder["child"], recursive: true);
        }

        Said measured = await limit.RunAsync(
            "kinship", folder["0"], folder["1"], folder["2"], folder["3"], folder["4"], "--json");
        Assert.True(measured.ExitCode == 0, measured.Errors);
        JsonArray pearson = measured.Json["pearson"]!.AsArray();
        Assert.Equal(4, pearson.Count);
        Assert.InRange((double)pearson[0]![1]!, 0.01, 0.99);
    }
}
