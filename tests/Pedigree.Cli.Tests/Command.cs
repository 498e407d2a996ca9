using System.Diagnostics;
using System.Text;
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

    /// <summary>What it takes for the cache of the Hugging Face hub, which it may not ask.</summary>
    public static string HubCache { get; } = Path.Combine(AppContext.BaseDirectory, "hub");

    /// <summary>Runs it and waits for its end, whatever that is.</summary>
    public static Task<Said> RunAsync(params string[] arguments) => RunAsync(StartInfo(arguments));

    /// <summary>The same of a command that is described.</summary>
    public static async Task<Said> RunAsync(ProcessStartInfo start)
    {
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(), errors = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        return new(process.ExitCode, await output, await errors);
    }

    /// <summary>Runs it, and interrupts it as Ctrl-C does once it has said <paramref name="word"/> on standard error.</summary>
    public static async Task<Said> InterruptAsync(string word, params string[] arguments)
    {
        using Process process = Start(arguments);
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        StringBuilder errors = new();
        bool interrupted = false;
        while (await process.StandardError.ReadLineAsync() is { } line)
        {
            errors.AppendLine(line);
            if (interrupted || !line.Contains(word, StringComparison.Ordinal))
                continue;
            interrupted = true;
            await InterruptAsync(process);
        }
        await process.WaitForExitAsync();
        return new(process.ExitCode, await output, errors.ToString());
    }

    /// <summary>Interrupts it as Ctrl-C does.</summary>
    public static async Task InterruptAsync(Process process)
    {
        using Process kill = Process.Start("kill", ["-INT", $"{process.Id}"]);
        await kill.WaitForExitAsync();
    }

    /// <summary>Runs it, and it must succeed.</summary>
    public static async Task<Said> DoneAsync(params string[] arguments)
    {
        Said said = await RunAsync(arguments);
        Assert.True(said.ExitCode == 0, said.Errors);
        return said;
    }

    /// <summary>Starts it.</summary>
    public static Process Start(string[] arguments, params (string Name, string Value)[] environment)
    {
        ProcessStartInfo start = StartInfo(arguments);
        foreach ((string name, string value) in environment)
            start.Environment[name] = value;
        return Process.Start(start)!;
    }

    /// <summary>How it is started.</summary>
    public static ProcessStartInfo StartInfo(string[] arguments) =>
        new("dotnet", [Path.Combine(AppContext.BaseDirectory, "pedigree.dll"), .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            Environment =
            {
                ["HF_HUB_OFFLINE"] = "1",
                ["HF_HUB_CACHE"] = HubCache,
                ["PEDIGREE_CACHE"] = Path.Combine(AppContext.BaseDirectory, "cache"),
            },
        };
}
