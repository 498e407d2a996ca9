namespace Pedigree.Cli;

/// <summary>Progress told at once, on the thread that works.</summary>
internal sealed class Told<TNews>(Action<TNews> told) : IProgress<TNews>
{
    public void Report(TNews value) => told(value);
}
