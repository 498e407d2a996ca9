using System.Diagnostics;
using System.Text.Json.Nodes;

namespace Pedigree.Cli.Tests;

/// <summary>What the command said.</summary>
internal sealed record Said(int ExitCode, string Output, string Errors)
{
    /// <summary>The one JSON document on standard output.</summary>
    public JsonNode Json => JsonNode.Parse(Output)!;

    /// <summary>The one line on standard error of a command that was asked wrongly.</summary>
    public string Refusal
    {
        get
        {
            Assert.Equal(2, ExitCode);
            Assert.Equal("", Output);
            Assert.StartsWith("pedigree: ", Errors, StringComparison.Ordinal);
            return Assert.Single(Errors.TrimEnd().Split('\n'));
        }
    }
}

/// <summary>The real executable as a process of its own.</summary>
internal static class Command
{
    public static string Samples { get; } = Path.Combine(AppContext.BaseDirectory, "samples");

    public static string Family { get; } = Path.Combine(Samples, "family");

    /// <summary>Runs it and waits for its end, whatever that is.</summary>
    public static async Task<Said> RunAsync(params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "pedigree.dll"), .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(), errors = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        return new(process.ExitCode, await output, await errors);
    }

    /// <summary>The same, and it must succeed.</summary>
    public static async Task<Said> DoneAsync(params string[] arguments)
    {
        Said said = await RunAsync(arguments);
        Assert.True(said.ExitCode == 0, said.Errors);
        return said;
    }
}
