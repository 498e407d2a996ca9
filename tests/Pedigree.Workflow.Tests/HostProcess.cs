using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace Pedigree.Workflow.Tests;

/// <summary>A run in a process of its own, which can be killed: this program, told by its environment to do nothing else.</summary>
internal static class HostProcess
{
    private const string Variable = "PEDIGREE_TEST_RUN";

    public static Process Start(string spec, string store, string run)
    {
        ProcessStartInfo start = new(Environment.ProcessPath!) { RedirectStandardError = true, RedirectStandardOutput = true };
        if (Path.GetFileNameWithoutExtension(start.FileName) == "dotnet")
            start.ArgumentList.Add(typeof(HostProcess).Assembly.Location);
        start.Environment[Variable] = string.Join('\n', spec, store, run);
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
            EmbeddedHost.RunAsync(SpecFile.Load(arguments[0]), arguments[1], arguments[2]).GetAwaiter().GetResult();
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
