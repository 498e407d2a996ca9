using System.Diagnostics;
using System.Runtime.CompilerServices;
using Pedigree.Storage;

namespace Pedigree.Workflow.Tests;

/// <summary>
/// A run in a process of its own, which can be killed: this program, told by its environment to do nothing else.
/// </summary>
internal static class HostProcess
{
    private const string Variable = "PEDIGREE_TEST_RUN";

    /// <param name="spec">Path of the spec.</param>
    /// <param name="store">The store.</param>
    /// <param name="run">Id of the run.</param>
    /// <param name="within">A script that ends with <c>exec "$@"</c>, which is the host; null for the host alone.</param>
    /// <param name="cache">Where checkpoints of a store elsewhere are kept.</param>
    /// <param name="audit">Whether the run is not run but audited, everything made again.</param>
    public static Process Start(
        string spec, string store, string run, string? within = null, string? cache = null, bool audit = false)
    {
        string[] command = Path.GetFileNameWithoutExtension(Environment.ProcessPath!) == "dotnet"
            ? [Environment.ProcessPath!, typeof(HostProcess).Assembly.Location] : [Environment.ProcessPath!];
        if (within is not null)
            command = ["bash", "-c", within, "bash", .. command];
        ProcessStartInfo start = new(command[0], command[1..]) { RedirectStandardError = true, RedirectStandardOutput = true };
        // The runtime maps its code through a file larger than the bound unless told not to.
        start.Environment["DOTNET_EnableWriteXorExecute"] = "0";
        start.Environment[Variable] = string.Join('\n', spec, store, run, audit ? "audit" : "");
        start.Environment["PEDIGREE_CACHE"] = cache;
        return Process.Start(start)!;
    }

#pragma warning disable CA2255 // This is a program, not a library: the initializer takes the place of an entry point of its own.
    [ModuleInitializer]
    internal static void RunInstead()
    {
        if (Environment.GetEnvironmentVariable(Variable) is not { } told)
            return;
        string[] arguments = told.Split('\n');
        try
        {
            IStore store = Store.Open(arguments[1]);
            if (arguments[3] == "audit")
            {
                ReplayResult result = Auditor.ReplayAsync(store, arguments[2], remerge: true, reevaluate: true)
                    .GetAwaiter()
                    .GetResult();
                Console.Error.WriteLine(result.FirstDifference);
                Environment.Exit(result.Identical ? 0 : 1);
            }
            EmbeddedHost.RunAsync(SpecFile.Load(arguments[0]), store, arguments[2]).GetAwaiter().GetResult();
            Environment.Exit(0);
        }
        catch (Exception error)
        {
            Console.Error.WriteLine(error);
            Environment.Exit(2);
        }
    }
#pragma warning restore CA2255
}
