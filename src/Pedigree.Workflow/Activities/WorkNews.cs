namespace Pedigree.Workflow.Activities;

/// <summary>Tells of one piece of work, at once and in order, unlike <see cref="Progress{T}"/>.</summary>
internal sealed class WorkNews(IProgress<RunProgress>? progress, string activity, string name) : IProgress<double>
{
    /// <summary>Who is told.</summary>
    public IProgress<RunProgress>? Progress => progress;

    public void Report(double value) => progress?.Report(new WorkProgress(activity, name, value));

    /// <summary>The same for what has to be done for it: a download, an upload.</summary>
    public WorkNews Of(string part) => new(progress, part, name);
}
