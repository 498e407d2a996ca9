namespace Pedigree.Infra.Tests;

public class LintTests
{
    [Fact]
    public async Task Every_file_compiles_and_lints_without_a_warning()
    {
        (int exitCode, string diagnostics) = await Bicep.LintAsync(Bicep.Infra);

        Assert.Equal("", diagnostics);
        Assert.Equal(0, exitCode);
    }

    [Fact]
    public async Task A_warning_is_told_also_from_a_folder_below()
    {
        string folder = Directory.CreateTempSubdirectory().FullName;
        try
        {
            string below = Directory.CreateDirectory(Path.Combine(folder, "modules")).FullName;
            await File.WriteAllTextAsync(
                Path.Combine(below, "wrong.bicep"), "param unused string\n", TestContext.Current.CancellationToken);

            Assert.Contains("no-unused-params", (await Bicep.LintAsync(folder)).Diagnostics);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void No_module_comes_from_a_registry()
    {
        IEnumerable<string> modules = Directory.EnumerateFiles(Bicep.Infra, "*.bicep", SearchOption.AllDirectories)
            .SelectMany(File.ReadLines).Where(line => line.StartsWith("module ", StringComparison.Ordinal));

        Assert.NotEmpty(modules);
        Assert.All(modules, line => Assert.Contains("'modules/", line));
    }
}
