using System.Diagnostics;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;

namespace Pedigree.Infra.Tests;

/// <summary>The Bicep compiler, from its package.</summary>
internal static class Bicep
{
    /// <summary>The project's top folder.</summary>
    public static string Top => Metadata("Top");

    public static string Infra => Path.Combine(Top, "infra");

    /// <summary>Lints every file of a folder and those below.</summary>
    /// <returns>All that the compiler has to say: nothing where no file gives a warning.</returns>
    public static async Task<(int ExitCode, string Diagnostics)> LintAsync(string folder)
    {
        (int exitCode, string output, string error) = await RunAsync("lint", "--pattern", $"{folder}/**/*.bicep");
        return (exitCode, output + error);
    }

    /// <summary>The template that is sent to Azure, modules included.</summary>
    public static Task<JsonNode> TemplateAsync() => Template.Value;

    private static readonly Lazy<Task<JsonNode>> Template = new(async () =>
    {
        (int exitCode, string output, string error) = await RunAsync("build", Path.Combine(Infra, "main.bicep"), "--stdout");
        Assert.True(exitCode == 0, error);
        return JsonNode.Parse(output)!;
    });

    private static async Task<(int, string, string)> RunAsync(params string[] arguments)
    {
        Assert.SkipUnless(
            RuntimeInformation.IsOSPlatform(OSPlatform.Linux) && RuntimeInformation.OSArchitecture == Architecture.X64,
            "The Bicep compiler is restored for linux-x64 alone.");
        ProcessStartInfo start = new(Metadata("BicepPath"), arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, await output, await error);
    }

    private static string Metadata(string key) =>
        typeof(Bicep).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(metadata => metadata.Key == key).Value!;
}
