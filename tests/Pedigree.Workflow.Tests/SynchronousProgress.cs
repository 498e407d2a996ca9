namespace Pedigree.Workflow.Tests;

/// <summary>Told where it happens.</summary>
internal sealed class SynchronousProgress(Action<RunProgress> report) : IProgress<RunProgress>
{
    public void Report(RunProgress value) => report(value);
}
