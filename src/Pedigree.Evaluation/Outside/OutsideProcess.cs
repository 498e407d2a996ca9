using System.ComponentModel;
using System.Diagnostics;
using System.Text;

namespace Pedigree.Evaluation.Outside;

/// <summary>Runs a program to its end, or ends it with all that it started.</summary>
internal static class OutsideProcess
{
    private const int KeptOfErrors = 2000, MostCharacters = 100_000_000;

    /// <summary>What it wrote on standard output.</summary>
    /// <exception cref="EvaluatorFailedException">
    /// It cannot be started, takes too long, or exits otherwise than with 0.
    /// </exception>
    public static async Task<string> RunAsync(
        IReadOnlyList<string> command, string input, TimeSpan timeout, CancellationToken cancellation)
    {
        var start = new ProcessStartInfo(command[0], command.Skip(1))
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var process = new Process { StartInfo = start };
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(timeout);
        try
        {
            process.Start();
        }
        catch (Win32Exception error)
        {
            throw new EvaluatorFailedException($"it cannot be started: {error.Message}", error);
        }
        try
        {
            var output = ReadAsync(process, process.StandardOutput, limit.Token);
            var errors = ReadAsync(process, process.StandardError, limit.Token);
            try
            {
                await process.StandardInput.WriteAsync(input.AsMemory(), limit.Token);
                process.StandardInput.Close();
            }
            catch (IOException)
            {
                // It did not read its input; what it says counts.
            }
            var said = await errors;
            _ = await output;
            await process.WaitForExitAsync(limit.Token);
            return process.ExitCode == 0 ? await output : throw new EvaluatorFailedException(
                $"it exited with {process.ExitCode}: {(said.Length > KeptOfErrors ? "…" + said[^KeptOfErrors..] : said).Trim()}");
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new EvaluatorFailedException($"it was not done after {timeout.TotalSeconds:0.###} seconds, and was ended");
        }
        finally
        {
            if (!process.HasExited)
                process.Kill(entireProcessTree: true);
        }
    }

    /// <summary>All that it writes; a program that writes without end is ended.</summary>
    private static async Task<string> ReadAsync(Process process, StreamReader stream, CancellationToken cancellation)
    {
        var (text, portion) = (new StringBuilder(), new char[1 << 14]);
        while (await stream.ReadAsync(portion, cancellation) is var read and > 0)
        {
            if (text.Length + read > MostCharacters)
            {
                process.Kill(entireProcessTree: true);
                throw new EvaluatorFailedException($"it wrote more than {MostCharacters} characters, and was ended");
            }
            text.Append(portion, 0, read);
        }
        return text.ToString();
    }
}
