namespace Pedigree.Cli;

/// <summary>The command <c>pedigree</c>.</summary>
public static class Program
{
    /// <summary>0: done; 1: failed; 2: asked wrongly.</summary>
    public static Task<int> Main(string[] arguments) => CommandLine.InvokeAsync(arguments);
}
